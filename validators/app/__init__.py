"""The app under test: its tree from raw git objects, its dependencies, its sandboxes, its
readiness."""
