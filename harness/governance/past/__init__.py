"""What was decided before, and what an edit of the law would have made of it."""
