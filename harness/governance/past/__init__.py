"""Recorded decisions, and what an edit of the rules would change in them."""
