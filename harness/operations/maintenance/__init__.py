"""Looking after a home: cleaning up, moving its state, its money, its transcripts and its sealed
journeys."""
