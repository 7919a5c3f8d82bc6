"""The trusted repository: bare, owned by the factory, and the only source of facts about a
change."""
