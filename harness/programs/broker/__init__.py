"""The model broker: the only process that holds a model key, and the one that counts the money.

Properties that this package must keep:

1. Identity is the socket. No header, field or token from a sandbox tells who is asking.
2. Nothing is forwarded that is not on the allow-list of `wires`. What is forwarded is what was
   checked, written again from the parsed body, never the bytes of the sandbox.
3. Money is reserved, at the most that a call can cost, before the call is made. A call whose end is
   unknown keeps its reservation for ever.
4. A refusal at a cap is final for the session.
5. A key is in this process's memory and on the wire to its own provider: in no log, no recording,
   no argument and no answer.
6. This is the one layer that retries. What is wrong with a provider, and with no request, pauses
   all that ask it. That state outlives this process.
7. What goes to a provider is in the API that the sandbox used. What is kept for people is in one
   form, that of the Messages API.
8. Roles that judge (author, judge, actor) are recorded, replayed and logged only in the sealed
   folders.
"""
