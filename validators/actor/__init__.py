"""The actor: a model role in a box of its own that plays a persona, with views to read and acts to ask for."""
