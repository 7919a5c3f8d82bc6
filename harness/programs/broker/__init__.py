"""The model broker: the only process that holds a model key, and the one that counts the money.

Properties this package must keep:

1. Identity is the socket. No header, no field and no token of a box says who is asking.
2. Nothing is forwarded that is not on the allow-list of `allow.py`; what is forwarded is what was
   checked, written again from the parsed body, never the bytes of the box.
3. Money is reserved, at the worst it can cost, before a call is made; a call whose end is unknown
   keeps its reservation for ever.
4. A denial is final for the session.
5. A key is in this process's memory and on the wire to its own provider: in no log, no recording,
   no argument, no answer.
6. This is the one layer that retries. What is wrong with a provider, and with no request, pauses
   all that ask it, and its state outlives this process.
7. What goes to a provider is in the API that the box spoke; what is kept for people is in one form,
   the Messages API's.
8. Roles that judge (author, judge, actor) are recorded, replayed and logged only in the sealed
   folders."""
