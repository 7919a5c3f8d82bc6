"""Lessons: what runs in a repository noted for later ones, scored by what became of the runs that
were shown them.

Properties: the ledger is all that is kept, so a lesson is never deleted, and why it is not shown
any more can be shown; a lesson is a model's own sentence, checked by code against a file that has
landed, and never a stranger's words; it is about how things are done here and never about the
rules, which goes before it wherever both are read."""
