"""Roles that a model plays for the judge: author, actor and contrastive judge. Each runs in its own
sandbox."""
