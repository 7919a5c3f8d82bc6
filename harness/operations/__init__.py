"""What an operator does with a home: set it up, look after it, run it as a daemon, replay it, and
drill it."""
