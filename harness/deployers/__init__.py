"""Who brings a landed commit to a place: this machine's own places, and the operator's command."""
