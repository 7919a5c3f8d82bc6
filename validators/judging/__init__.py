"""Judging a change: perform what is sealed, fold the evidence, sign the verdict, publish what may
leave."""
