"""A counter and a sorter."""
