"""Tidebook: book a guided walk on the tidal flats, at low tide, while there are places left."""
