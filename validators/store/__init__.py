"""Sealed journeys, their proofs and their history: outside every checkout and every box, never
deleted from."""
