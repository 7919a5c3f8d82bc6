"""A home on disk: its document, its state, its programs, model providers and credentials."""
