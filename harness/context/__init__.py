"""The context for an agent: the files that bear on an issue, found by their words and their
imports.

Properties:

- The same commit and the same question give the same bytes, whatever was indexed before.
- Nothing of a repository is read as an instruction, and nothing in it can end the fence that it is
  quoted in.
- Time and memory are bounded by the files that changed, not by all files.
"""
