"""The built-in agent: a model, five tools and a loop. It is bound into the box alone, so it imports nothing of ours."""
