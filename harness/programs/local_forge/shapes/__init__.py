"""Records as GitHub's JSON: pure functions from what the forge knows to what its clients read."""
