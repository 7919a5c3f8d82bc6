"""The local forge: the part of GitHub's API, pages and git hosting that the factory needs, on bare
repositories.

Properties:
- it listens on loopback only, and answers only to the names `localhost` and `127.0.0.1`;
- it stores tokens and sessions as digests, and never prints a token;
- a repository's folder is named by its number, never by a name that somebody chose;
- git is the truth about branches. The database follows it (`ref_sync.py`), and syncing again is
  always safe.
"""
