"""How commands print: terminals, colours, progress, tables and the chain of an issue."""
