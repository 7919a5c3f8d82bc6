"""Transcripts for people: what an agent was sent, what it answered and did, and what that cost.

They are made of the broker's wire log, never of what an agent reports about itself.
"""
