"""The built-in agent: a model, six tools and a loop.

It is bound into the sandbox alone, so it imports nothing else of the factory.
"""
