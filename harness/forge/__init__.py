"""The forge adapter: GitHub and forges with its API, on PyGithub."""
