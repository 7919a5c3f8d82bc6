"""Bare repositories: reading objects and commits, and whether a push may move a branch."""
