"""The sandbox supervisor: it runs untrusted commands and keeps them contained.

A sandbox shows one command exactly what its specification names: files by bind, an environment,
Python distributions, and one unix socket per port. Everything else is absent, not forbidden: it
does not exist in the sandbox's view of the machine.

    python -I -m harness.programs.sandbox run --spec SPEC.json     run one sandbox; pass its streams
                                                                   and its exit code through
    python -I -m harness.programs.sandbox probe [--json]           run one of each form and report
                                                                   which work on this machine
    python -I -m harness.programs.sandbox layer --lock FILE …     install dependencies into a folder
                                                                  that sandboxes bind read-only

It is a separate program for two reasons. Two programs that must not know each other use it, and
when its process dies, its sandbox dies too. The modules, from the command down:

    __main__, document      the command line; the JSON documents
    supervisor              one sandbox from start to end
    launch, cleanup         how it starts; how it ends even when the supervisor was killed
    fork_server             many command lines answered by one process
    walls.bubblewrap        the walls where there are namespaces
    walls.landlock, enclose the walls where there are none
    walls.unsealed          the form without walls
    walls.seccomp, system_calls   which system calls are refused
    walls.init              the first program: relays, the command, its exit status
    walls.commands          further commands in it, for whoever holds the line
    walls.outer_init, port_proxy  the same without namespaces: who ends it, where its ports lead
    walls.cgroup, watch     limits that the kernel enforces; limits that are only watched
    walls.accounts          its account, its host, the name of its first process
    walls.mount_points      folders for binds that lie in other binds
    walls.identity          a uid of its own, and the files that it gets
    child_processes         all processes that one process has started
    interpreter, distributions, browser   what of this machine a sandbox needs to see
    forms, probe            which forms work here, and what each cannot enforce
    roots                   root file systems by digest
    walls.host_program      a program of this machine where the root is another
    packages                dependencies: a table of ecosystems, each installed from its lock
    client                  the factory's `Sandbox` port, over the same command

What a form cannot enforce is in every result (`unheld`). A limit that is only watched is never
called held.
"""
