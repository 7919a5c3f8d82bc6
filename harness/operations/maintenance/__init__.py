"""Maintains a home: garbage collection, moving its state, its spending, its transcripts and its
sealed journeys."""
