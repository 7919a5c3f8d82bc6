"""The ledger, folded: the history of each issue, the index of all, the chain of reasons, and the
gates of a change."""
