"""The pipeline: one tick over all issues, one run of one workflow, and the worker pool."""
