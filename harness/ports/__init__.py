"""What the factory needs of the world, as small Protocols without behaviour."""
