"""The command line: argv → use cases, and their answers as text or as one JSON object."""
