"""The journey language: YAML in, values of `validators.domain.journey` out, or problems that name their line."""
