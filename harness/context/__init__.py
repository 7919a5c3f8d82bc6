"""What an agent is told of a repository: the files that bear on an issue, found by their words and
by who imports whom.

Properties: the same commit and the same question give the same bytes, whatever was indexed before;
nothing of a repository is read as an instruction, and nothing in it can end the fence that it is
quoted in; time and memory are bounded by the files that changed, not by those that there are."""
