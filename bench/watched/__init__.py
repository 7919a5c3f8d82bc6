"""What bench/watch.py plants: an app, its journeys, and histories of it."""
