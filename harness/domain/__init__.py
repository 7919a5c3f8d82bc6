"""The factory's domain: frozen values and pure functions. It imports the standard library only."""
