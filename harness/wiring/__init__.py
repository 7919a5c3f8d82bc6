"""Where the real things are named, once. Everything else takes what it needs as an argument."""
