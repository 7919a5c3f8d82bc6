"""`factory rules`: inspect the governance files and try an edit of them."""
