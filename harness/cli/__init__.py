"""The command line: arguments in, and text or one JSON object out."""
