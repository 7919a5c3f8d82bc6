"""Sends one message to the operator's addresses, with Apprise. A process of its own: it ends after
one message, whatever a service does with it."""
