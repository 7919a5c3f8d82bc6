"""Evidence in a repository: languages, package managers, start commands, tests and
data, each with its place."""
