"""Commands that maintain a machine: the local forge, gc, home, agent CLIs, completion."""
