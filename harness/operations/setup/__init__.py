"""Setting up a home: draft the steering files, connect to a forge, make its app, or try a copy of a
repository."""
