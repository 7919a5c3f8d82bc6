"""A provider over HTTP: its connections, its retries and its circuit breaker."""
