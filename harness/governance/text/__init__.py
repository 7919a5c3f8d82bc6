"""Untrusted text: what a page shows of it, what it hides, and which other text it resembles."""
