"""Outgoing events: webhooks to programs, and a stream to open pages."""
