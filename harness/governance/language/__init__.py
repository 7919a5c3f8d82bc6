"""The policy language: markdown with blocks in, rules and scope entries out, or an error with its
place."""
