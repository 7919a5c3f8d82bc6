"""The pipeline: one pass over all issues, one run of one workflow, and the workers that share the
work."""
