"""The journey language: YAML in, values of `validators.domain.journeys.journey` out, or problems
that name their line."""
