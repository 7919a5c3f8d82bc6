"""The database of the forge: its tables, and their rows as values."""
