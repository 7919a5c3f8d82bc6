"""Facts about a change that are read from the texts on either side of it."""
