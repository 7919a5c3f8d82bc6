"""Writing journeys: by the sealed author or a maintainer, proved on base, then kept."""
