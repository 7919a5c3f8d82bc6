"""Sets up a home: drafts the governance files, connects to a forge, creates its app, or copies a
repository to try."""
