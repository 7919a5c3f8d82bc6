"""The journey author: a model role in a box of its own that sees the issue and the three files, and no journey."""
