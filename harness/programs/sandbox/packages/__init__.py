"""A project's locked packages as a folder that sandboxes bind read-only."""
