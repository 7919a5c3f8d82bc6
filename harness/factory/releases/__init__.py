"""Releases: what has landed goes through the environments, is watched there, and is taken back."""
