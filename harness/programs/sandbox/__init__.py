"""Boxes: where everything untrusted runs, and what keeps it there.

A box shows one command exactly what its specification names: files by bind, an environment, Python
distributions, one unix socket per port. Everything else is absent, not forbidden: it does not exist
in the box's view of the machine.

    python -I -m harness.programs.sandbox run --spec SPEC.json       one box, its streams passed
    through, its exit code kept python -I -m harness.programs.sandbox probe [--json]
    which forms hold here, found by running one of each python -I -m harness.programs.sandbox layer
    --lock FILE …        dependencies as a folder that boxes bind read-only

It is a program of its own because two programs that must not know each other use it, and because
the death of its process must be the death of its box. The modules, from the command down:

    __main__, document      the command line; the JSON documents
    supervisor              one box from its making to its end
    launch, janitor         how it starts, and how it ends even when the supervisor was killed
    bubblewrap              its walls where there are namespaces; unsealed is the form that has none
    landlock, enclose       its walls where there are none: what it may open, and how it shuts
    itself in seccomp, calls          which system calls are refused, and by what program in the
    kernel warden, doors           without namespaces: who ends it, and where its ports lead
    offspring               all that a process has started, directly or not
    init                    the first program in the box: relays, the command, the truth about its
    end cgroup, watch           limits that the kernel holds, and limits that are only watched
    identity                a uid of the box's own, and giving it files without giving away others
    interpreter, distributions, browser      what of this machine a box needs to see
    forms, probe            which forms work here, and what each cannot hold
    layer, lockfile         dependencies
    adapter                 the factory's port, over the same command as everybody's

What a form cannot hold is in every result (`unheld`): a limit that is only watched is never called
held."""
