"""What was decided before, and what an edit of the rules would have made of it."""
