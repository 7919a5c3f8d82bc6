"""Which model plays a role: its agents, its families, its circuit breaker, and what changes after a
failed attempt."""
