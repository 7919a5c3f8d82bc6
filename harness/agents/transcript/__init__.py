"""Transcripts: what an agent was told, what it said and did, and what that cost, for people to
read.

They are made of the wire as the broker wrote it down, never of what an agent says of itself.
"""
