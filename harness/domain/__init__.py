"""What the factory is about: plain frozen values and pure functions. The standard library only."""
