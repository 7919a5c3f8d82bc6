"""`factory.toml` and the workflows that bind, read from one commit."""
