"""The sealed judge: a program of its own. It imports nothing of the harness, and the harness
imports nothing of it."""
