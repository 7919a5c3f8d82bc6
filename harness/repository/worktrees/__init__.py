"""The private checkout of a run, from a pool made in advance to the files that come back."""
