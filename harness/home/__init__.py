"""A home on disk: its document, where its state is, its programs, providers and credentials."""
