"""What the judge needs of the outside world, as protocols. Adapters: `validators.browser`."""
