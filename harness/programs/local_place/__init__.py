"""A place on this machine: one loopback port, and behind it the release that is live."""
