"""Models at work: which one is chosen, what its prompt holds, and what later runs learn from it."""
