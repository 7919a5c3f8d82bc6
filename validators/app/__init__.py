"""The app under test: its tree from raw git objects, its dependencies, its boxes, its readiness."""
