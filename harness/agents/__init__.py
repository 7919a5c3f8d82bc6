"""Agents and models: the loop in the box, the broker that holds the keys, and the adapters for both
ports."""
