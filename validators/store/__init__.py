"""Sealed journeys, their proofs and their history. The store lies outside every checkout and every
sandbox, and nothing is ever deleted from it."""
