"""The forge: one adapter on PyGithub, and a small forge in the box for those who have no GitHub at
hand."""
