"""Programs of their own: each is a process that knows nothing of the pipeline and nothing of the
others."""
