"""The ledger: signed rows in SQLite or PostgreSQL, and the proof that nobody changed them."""
