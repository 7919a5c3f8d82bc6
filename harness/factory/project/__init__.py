"""The project's own tests and commands, run in a sandbox, and what their reports are worth."""
