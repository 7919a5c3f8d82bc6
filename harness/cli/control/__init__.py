"""Commands that change what the factory does: stop, resume, revert, journeys, lessons, workflow."""
