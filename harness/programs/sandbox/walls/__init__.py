"""The walls of a sandbox: namespaces, Landlock, system call filters, control groups, user ids."""
