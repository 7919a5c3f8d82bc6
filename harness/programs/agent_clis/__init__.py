"""Agent CLIs in the box: Claude Code, Codex and OpenCode, each as its makers ship it.

Properties this package must keep:

1. A CLI runs in a box like that of the built-in agent: its worktree, one port that leads to the
   broker, nothing else.
2. It is given no key. Where one refuses to start without, it gets a word that says that it is none.
3. It has a home of its own for one run, with our settings in it. What the repository says of hooks,
   plugins, servers, models or permissions is not read; where a CLI has no switch for that, the
   place does not exist in its box.
4. Nothing that it says is believed: its events are read with limits, for people and for how it
   ended.
5. What is installed was pinned by its digest, and none of its install scripts ran.
"""
