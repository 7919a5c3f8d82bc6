"""The wish list of a cinema club."""

from matinee.app import create_app

__all__ = ["create_app"]
