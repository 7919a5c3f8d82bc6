"""What the forge holds: accounts, repositories, issues, comments, pull requests, checks and
apps."""
