"""The wires: what a client in a sandbox may send to a provider, how it is counted, and how it is
refused.

A dialect is one API of one wire. What goes to a provider is what the sandbox asked, checked, in the
same dialect. What people read (recordings, scripts, wire logs) is in one form for all of them, that
of the Messages API.
"""
