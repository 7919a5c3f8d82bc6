"""The wires: what a client in a box may say to a provider, how it is accounted for, and how it is
told no.

A dialect is one API of one wire. What goes to a provider is what the box asked, checked and in the
same dialect; what people read (recordings, scripts, wire logs) is in one form for all of them, that
of the Messages API."""
