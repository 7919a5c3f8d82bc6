"""Exploring a change that has passed: personas use the app, and what fails for them is told."""
