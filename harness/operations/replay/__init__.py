"""Bundles a recorded run, runs it again without the network, and compares its decisions with the
recorded ones."""
