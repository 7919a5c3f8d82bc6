"""What a repository shows of itself: languages, package managers, start commands, tests, data, each
with its place."""
