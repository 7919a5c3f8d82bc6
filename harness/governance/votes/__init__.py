"""Judged rules: what a vote is shown, and what votes count for."""
