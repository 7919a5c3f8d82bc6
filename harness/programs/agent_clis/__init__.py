"""Agent CLIs in the sandbox: Claude Code, Codex and OpenCode, each as its makers ship it.

Properties that this package must keep:

1. A CLI runs in a sandbox like that of the built-in agent: its worktree, one port that leads to the
   broker, nothing else.
2. It gets no key. Where a CLI refuses to start without one, it gets a text that names itself as no
   key.
3. It has a home of its own for one run, with our settings in it. It does not read what the
   repository has on hooks, plugins, servers, models or permissions. Where a CLI has no switch for
   that, the path does not exist in its sandbox.
4. Nothing that it prints is trusted: its events are read with limits, for people and for how it
   ended.
5. What is installed was pinned by its digest, and none of its install scripts ran.
"""
