"""`factory up`: the loop that works on a home until it is told to stop."""
