"""Explore a candidate that has passed: personas use the app, and what they did is performed again
without a model."""
