"""Exploration as values: acts, views, personas, and what an exploration is worth."""
