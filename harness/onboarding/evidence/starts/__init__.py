"""How a repository starts its app: the command lines that it names, and what its code shows."""
