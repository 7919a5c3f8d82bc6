"""Repositories that belong to somebody else: read, fetched and compared, never written."""
