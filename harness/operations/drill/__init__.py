"""The drill: trips every brake of a factory on purpose, on a scratch copy of a user's own set-up.

Properties:
- "Held" means that the brake's own effect was observed: a refusal by its name, nothing written,
  nothing read, the canary not found.
- An error, a doubt, or a brake that cannot be observed counts as not held.
- Where it is cheap, the same attack is shown to work without the brake: a check that cannot fail
  proves nothing.
- Nothing of the user's is written: not the home, not the repository, not the forge.
"""
