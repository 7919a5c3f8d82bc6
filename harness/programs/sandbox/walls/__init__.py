"""What keeps a process in: namespaces, Landlock, filters of system calls, control groups, user
ids."""
