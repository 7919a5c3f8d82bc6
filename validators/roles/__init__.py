"""Asking a model from a box: one kind of request to the broker's port, by the standard library."""
