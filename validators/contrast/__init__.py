"""The contrastive judge: a model role in a box of its own that answers small claims about base and candidate, side by side."""
