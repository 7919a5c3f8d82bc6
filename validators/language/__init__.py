"""The journey language: turns YAML into values of `validators.domain.journeys.journey`, or reports
problems with their lines."""
