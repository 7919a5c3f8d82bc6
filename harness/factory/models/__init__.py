"""Models at work: which one is selected, what its prompt contains, what later runs learn from
it."""
