"""Draw the world that a run's commands find around them: a plain one, as in a container, and for
the masked visitor that of a person at a computer of their own.

A tool may not be able to tell a judge by its account, its host, its folder, its parent process, its
environment or a missing terminal. The two worlds are compared by what the tool does in them."""

from __future__ import annotations

import random

from validators.app.commands import CommandWorld
from validators.domain.evidence import Identity, RunId

PLAIN = CommandWorld("app", "/home/app", "/home/app/work", "localhost", {"LANG": "C.UTF-8"})
USERS = ("ada", "ben", "carla", "dmitri", "elena", "farid", "greta", "hugo", "ines", "jonas")
HOSTS = ("laptop", "thinkpad", "desktop", "fedora", "debian", "workstation", "xps13", "framework")
FOLDERS = ("Documents", "Downloads", "projects/notes", "src", "tmp", "Desktop", "stuff/new")
LOCALES = ("C.UTF-8", "en_US.UTF-8", "en_GB.UTF-8")
TERMINALS = ("xterm-256color", "tmux-256color", "screen-256color")
DOTFILES = {
    ".bashrc": "HISTSIZE=1000\nalias ll='ls -alF'\n",
    ".profile": 'if [ -d "$HOME/bin" ]; then PATH="$HOME/bin:$PATH"; fi\n',
    ".bash_history": "ls\ncd src\ngit status\n",
    ".gitconfig": "[init]\n\tdefaultBranch = main\n",
}
SIZES = ((80, 24), (120, 36), (148, 41), (211, 53))


def command_world(run: RunId, *, seed: int) -> CommandWorld:
    """The world of a run's commands. A second attempt gets the same."""
    if run.identity is not Identity.MASKED:
        return PLAIN
    drawn = random.Random(f"world {run.journey} {seed}")  # noqa: S311
    user, host = drawn.choice(USERS), drawn.choice(HOSTS)
    home = f"/home/{user}"
    locale, terminal = drawn.choice(LOCALES), drawn.choice(TERMINALS)
    return CommandWorld(
        user,
        home,
        f"{home}/{drawn.choice(FOLDERS)}",
        host,
        {
            "USER": user,
            "LOGNAME": user,
            "SHELL": "/bin/bash",
            "LANG": locale,
            "TERM": terminal,
            "COLORTERM": "truecolor",
        },
        files={name: DOTFILES[name] for name in drawn.sample(tuple(DOTFILES), 3)},
        parent="bash",
        behind=drawn.choice(SIZES),
    )
