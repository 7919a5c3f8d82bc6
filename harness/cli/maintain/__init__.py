"""Commands that look after a machine: the local forge, gc, home, agent CLIs, completion."""
