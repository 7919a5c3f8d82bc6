"""Runs of the project's own workflows: begun by hand, by schedule or by a call, on the engine."""
