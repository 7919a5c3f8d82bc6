"""The ledger, folded: each issue's history, the index of all issues, the chain of reasons, the
gates."""
