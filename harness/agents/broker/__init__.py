"""The model broker: the only process that holds a model key, and the one that counts the money.

Properties this package must keep:

1. Identity is the socket. No header, no field and no token of a box says who is asking.
2. Nothing is forwarded that is not on the allow-list of `allow.py`; what is forwarded is what was checked,
   written again from the parsed body, never the bytes of the box.
3. Money is reserved, at the worst it can cost, before a call is made; a call whose end is unknown keeps its
   reservation for ever.
4. A denial is final for the session.
5. The key is in this process's memory and on the wire to the provider: in no log, no recording, no argument, no answer.
6. Roles that judge (author, judge, actor) are recorded, replayed and logged only in the sealed folders.
"""
