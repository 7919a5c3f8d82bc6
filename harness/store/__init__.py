"""Persistence: the durable engine, the ledger's store, the lock on a home, and the clock."""
