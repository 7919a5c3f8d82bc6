"""The durable engine: work that is recorded once and taken up after a kill."""
