"""Agents and models: the adapters of both ports, over sandboxes and the model broker."""
