"""The forge's content: accounts, repositories, issues, comments, pull requests, checks and Apps."""
