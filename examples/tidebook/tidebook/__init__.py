"""Tidebook: book a guided walk on the tidal flats, at low tide, while there are places left."""

from tidebook.app import create_app

__all__ = ["create_app"]
