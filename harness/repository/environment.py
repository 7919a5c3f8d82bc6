"""The environment of every git process of the factory: nothing inherited, nothing configured from
outside.

Properties: no system or user configuration, no hook, no file-system monitor, no attribute, no
replace ref, no prompt, no credential helper, no protocol that runs a command, no background
housekeeping. Each line answers an attack that worked on git 2.39.
"""

from collections.abc import Iterable, Mapping

EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

FIXED: Mapping[str, str] = {
    "PATH": "/usr/local/bin:/usr/bin:/bin",
    # A file, so curl finds no .netrc below it, and git no configuration.
    "HOME": "/dev/null",
    "LC_ALL": "C",
    "LANGUAGE": "C",
    "TZ": "UTC",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_ATTR_NOSYSTEM": "1",
    # For git 2.41 and newer: 2.43 reads attributes from HEAD's tree in bare repositories.
    "GIT_ATTR_SOURCE": EMPTY_TREE,
    "GIT_NO_REPLACE_OBJECTS": "1",
    # A partial clone would ask the remote that it names itself.
    "GIT_NO_LAZY_FETCH": "1",
    # `git status` would write to the index that it only has to read.
    "GIT_OPTIONAL_LOCKS": "0",
    # A file may have a name that git would read as a pattern.
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
    # The run stores are folders, and a forge may be one too.
    ("protocol.file.allow", "always"),
    ("protocol.http.allow", "always"),
    ("protocol.https.allow", "always"),
    # A redirect would send the token to another host.
    ("http.followRedirects", "false"),
    ("fetch.fsckObjects", "true"),
    ("fetch.recurseSubmodules", "false"),
    ("submodule.recurse", "false"),
    ("push.followTags", "false"),
    ("push.gpgSign", "false"),
    # Git would guess where a file belongs; a guess is not a merge.
    ("merge.directoryRenames", "false"),
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
)


def environment(
    settings: Iterable[tuple[str, str]] = (), *, more: Mapping[str, str] | None = None
) -> dict[str, str]:
    """The whole environment of one git process.

    Settings are passed as GIT_CONFIG_* variables. Unlike `-c` they are not in the argument list,
    which `ps` shows to every account. Unlike the repository's own file they end with the process.
    Only the process's own uid and root can read its environment.
    """
    pairs = (*SETTINGS, *settings)
    variables = {**FIXED, **(more or {}), "GIT_CONFIG_COUNT": str(len(pairs))}
    for number, (key, value) in enumerate(pairs):
        variables[f"GIT_CONFIG_KEY_{number}"] = key
        variables[f"GIT_CONFIG_VALUE_{number}"] = value
    return variables
