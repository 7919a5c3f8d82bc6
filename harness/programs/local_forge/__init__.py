"""The forge in the box: the part of GitHub that the factory and a person's browser use, over real
bare repositories.

Properties it keeps:
- it listens on loopback only, and answers only to the names `localhost` and `127.0.0.1`;
- tokens and sessions are stored as digests, and no token is ever printed;
- a repository's folder is named by its number, never by a name that somebody chose;
- what git holds is the truth about branches; the database follows it (`settling.py`) and can be
  told again at any time."""
