"""Judged rules: what a vote is shown, and how votes count."""
