"""The attacks of a drill, a file for each kind."""
