"""Journeys are written by the sealed author or a maintainer, proved on base, and then kept."""
