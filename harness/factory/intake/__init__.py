"""What comes in from the forge: issue sync, comment commands, the triage queue, and expiry."""
