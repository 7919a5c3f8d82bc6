"""The built-in agent: a model, six tools and a loop. It is bound into the box alone, so it imports
nothing of ours."""
