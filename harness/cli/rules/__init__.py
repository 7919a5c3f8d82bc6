"""`factory rules`: look at the governance files and try an edit of them."""
