"""What the factory needs of the world, as small Protocols. No behaviour lives here."""
