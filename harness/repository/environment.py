"""The environment that every git of the factory runs in: nothing inherited, nothing configured from
outside.

Properties kept: no system or user configuration, no hook, no file-system monitor, no attribute, no
replace ref, no prompt, no credential helper, no protocol that runs a command, no background
housekeeping. Each line of it answers a trick that was seen to work on git 2.39 (design: "Diffs the
law can trust")."""

from collections.abc import Iterable, Mapping

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

FIXED: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    "HOME": "/dev/null",  # a file: curl finds no .netrc below it, git no configuration
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    # git >= 2.41: 2.43 reads attributes from HEAD's tree in bare repositories
    "GIT_ATTR_SOURCE": EMPTY_TREE,
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_EDITOR": "/bin/false",
    "GIT_PAGER": "cat",
}

SETTINGS: tuple[tuple[str, str], ...] = (
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.alternateRefsCommand", ""),
    ("core.sshCommand", "/bin/false"),
    ("core.autocrlf", "false"),
    ("core.protectHFS", "true"),
    ("core.protectNTFS", "true"),
    ("core.logAllRefUpdates", "false"),
    ("credential.helper", ""),
    ("protocol.allow", "never"),
    ("protocol.file.allow", "always"),  # the run stores; a forge may be a folder too
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    ("http.followRedirects", "false"),  # a redirect would carry the token to another host
    ("fetch.fsckObjects", "true"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    ("merge.directoryRenames", "false"),  # a guess at where a file belongs is not a merge
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)


def environment(
    settings: Iterable[tuple[str, str]] = (), *, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of one git process.

    Settings travel as GIT_CONFIG_* variables: unlike `-c` they are not in the argument list that
    `ps` shows to every account, and unlike the repository's own file they end with the process. The
    environment of a process can be read by its own uid and by root, and by nobody else."""
    pairs = (*SETTINGS, *settings)
    variables = {**FIXED, **(more or {}), "GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
