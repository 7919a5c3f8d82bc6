"""The durable engine: work whose result is recorded once, and which is recovered after a kill."""
