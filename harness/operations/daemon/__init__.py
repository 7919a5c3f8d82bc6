"""`factory up`: the process that works on a home until it is stopped."""
