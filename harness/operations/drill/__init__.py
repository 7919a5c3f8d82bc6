"""The drill: every brake of a factory, tripped on purpose on a scratch copy of a user's own set-up.

Properties kept:
- held means that the brake's own effect was seen: refused by its name, nothing written, nothing
  read, the canary not found;
- an error, a doubt or a brake that cannot be looked at is not held;
- where it is cheap, the same attack is shown to work where there is no brake: a check that cannot
  fail shows nothing;
- nothing of the user's is written: not the home, not the repository, not the forge.
"""
