"""A provider, asked over HTTP: its connections, its retries and its circuit breaker."""
