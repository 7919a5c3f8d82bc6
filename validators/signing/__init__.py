"""Verdicts as in-toto statements in DSSE envelopes, signed with ed25519 and verified offline."""
