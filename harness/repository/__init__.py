"""The trusted repository: bare, factory-owned, and the only place that tells what a change is."""
