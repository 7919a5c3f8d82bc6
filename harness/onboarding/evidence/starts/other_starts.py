"""How an app is started by its image, and by Node.js, Ruby, PHP or Go."""

import json
import re
import shlex
from collections.abc import Iterator

from harness.onboarding.evidence.sources import Sources, is_beside, table
from harness.onboarding.evidence.starts.command_lines import MODULES, scripts_run, start_from
from harness.onboarding.evidence.starts.entry_points import go_programs
from harness.onboarding.survey import Evidence, Start
from harness.onboarding.words import plain

_NODE_LISTENS = re.compile(r"\.listen\(|createServer\(")
_NODE_PORT = re.compile(r"process\.env(?:\.|\[['\"])([A-Z_]*PORT)\b")
_NODE_FILES = (".js", ".mjs", ".cjs", ".ts")
_GO_PORT = re.compile(r"os\.(?:Getenv|LookupEnv)\(\"([A-Z_]*PORT)\"\)")
_GO_OPTION = re.compile(r"flag\.(?:Int|String|Uint)\w*\(\s*(?:&\w+,\s*)?\"(port)\"")
_FRONTS = {"public/index.php": " -t public", "web/index.php": " -t web", "index.php": ""}
_MOST_READ = 200
"""Files of one language that are searched for the variable of a port, the least nested first."""
_INSTRUCTION = re.compile(r"(FROM|CMD|ENTRYPOINT|ENV|WORKDIR)\s+(.+)", re.IGNORECASE)
_PROGRAMS = frozenset({*MODULES, "python", "python3", "node", "ruby", "bundle", "php", "sh"})
_SETTINGS = re.compile(r"(?<![A-Z_])((?:FLASK|DJANGO|RAILS|RACK|NODE|APP)_[A-Z_]+)[= ](\S+)")


def image_start(sources: Sources) -> tuple[Start, ...]:
    """The command of the Dockerfile at the root, as far as a sandbox that has only the repository
    can do the same: its program is a known one, and its script is here."""
    name = sources.contents.named("Dockerfile")
    kept = dict[str, tuple[str, int]]()
    settings = dict[str, str]()
    for number, line in _instructions(sources.contents.text(name) if name else ""):
        word, rest = line
        if word == "FROM":
            kept.clear()
        elif word == "ENV":
            settings |= {key: value.strip("\"'") for key, value in _SETTINGS.findall(rest)}
        else:
            kept[word] = (rest, number)
    command = " ".join(_shell(kept[word][0]) for word in ("ENTRYPOINT", "CMD") if word in kept)
    number = max((kept[word][1] for word in ("ENTRYPOINT", "CMD") if word in kept), default=0)
    *before, last = scripts_run(sources, _unwrapped(command)) or ("",)
    because = Evidence(name, number, f"starts the image with `{plain(command, longest=80)}`")
    start = start_from(last, because)
    if start is None or before or not _is_here(sources, start.argv):
        return ()
    # What a deployment sets per run holds in a sandbox only where it has no place in it.
    env = {key: value for key, value in settings.items() if "/" not in value and "$" not in value}
    return (
        Start(start.argv, start.port_env, start.because, start.needs, (*env.items(), *start.env)),
    )


def _instructions(text: str) -> list[tuple[int, tuple[str, str]]]:
    """The instructions that say how an image starts, each with its line."""
    found = list[tuple[int, tuple[str, str]]]()
    number = 1
    for whole in re.split(r"(?<!\\)\n", text):
        if match := _INSTRUCTION.match(re.sub(r"\\\n", " ", whole).strip()):
            found.append((number, (match[1].upper(), match[2].strip())))
        number += whole.count("\n") + 1
    return found


def _shell(words: str) -> str:
    """The exec form as a line; the shell form as it is."""
    try:
        listed = json.loads(words)
    except ValueError:
        return words
    return (
        shlex.join(filter(lambda word: isinstance(word, str), listed))
        if isinstance(listed, list)
        else words
    )


def _unwrapped(command: str) -> str:
    """The line without what only reaps processes, and without the shell that takes it as one
    word."""
    bare = re.sub(r"^(?:\S*/)?(?:tini|dumb-init)(?:\s+-g)?(?:\s+--)?\s+", "", command)
    inner = re.fullmatch(r"(?:/bin/)?(?:ba|a)?sh -l?c '([^']+)'", bare)
    return inner[1] if inner else bare


def _is_here(sources: Sources, argv: tuple[str, ...]) -> bool:
    """Whether the program is one that sandboxes can have, and the script is in the repository."""
    program, *rest = argv
    if program not in _PROGRAMS:
        return False
    scripts = [
        word for word in rest[:1] if word.endswith((".py", ".js", ".mjs", ".cjs", ".rb", ".sh"))
    ]
    return all(word.removeprefix("./") in sources.contents.files for word in scripts)


def node(sources: Sources) -> Iterator[Start]:
    """The script `start`, or the file near the root that listens."""
    script = table(sources.package_json, "scripts").get("start")
    if isinstance(script, str):
        at = sources.line_of("package.json", '"start"')
        *before, last = scripts_run(sources, script) or ("",)
        start = start_from(last, Evidence("package.json", at, "has a `start` script"))
        # A script that builds first cannot: a sandbox does not write to the code.
        if start and start.argv[0] == "node" and not before:
            yield _with_port(sources, start)
    for name in _near(sources, (".js", ".mjs", ".cjs")):
        if name.count("/") < 2:
            for number, line in sources.lines(name):
                if _NODE_LISTENS.search(line):
                    because = Evidence(name, number, "listens")
                    yield _with_port(sources, Start(("node", name), "PORT", because))
                    break


def _with_port(sources: Sources, start: Start) -> Start:
    """The command with the variable that the source reads its port from."""
    for name in _near(sources, _NODE_FILES)[:_MOST_READ]:
        for number, line in sources.lines(name):
            # A database has a port as well: the shortest name is the app's own.
            names = sorted(_NODE_PORT.findall(line), key=lambda name: (name != "PORT", len(name)))
            if names and names[0] in ("PORT", "HTTP_PORT", "APP_PORT", "SERVER_PORT", "WEB_PORT"):
                detail = f"{start.because.detail}, and {name}:{number} reads ${names[0]}"
                because = Evidence(start.because.file, start.because.line, detail)
                return Start(start.argv, names[0], because, env=start.env)
    return Start(start.argv, "PORT", start.because, env=start.env, reads_port=False)


def rails(sources: Sources) -> Iterator[Start]:
    """Rails, whose server reads $PORT; its file with the process id goes to a folder of its own."""
    line = sources.line_of("bin/rails", "rails/commands")
    if line and "Gemfile" in sources.contents.files:
        argv = ("ruby", "bin/rails", "server", "-b", "127.0.0.1", "-P", "/tmp/server.pid")  # noqa: S108 - the sandbox's own
        yield Start(argv, "PORT", Evidence("bin/rails", line, "is Rails' own command"))


def php(sources: Sources) -> Iterator[Start]:
    """PHP's own server, where the repository has the file that a web server runs."""
    for front, folder in _FRONTS.items():
        if front in sources.contents.files and sources.language == "PHP":
            command = f"exec php -S 127.0.0.1:$PORT{folder}"
            because = Evidence(front, 0, "is what a web server runs, and PHP has one of its own")
            yield Start(("sh", "-c", command), "PORT", because)


def go(sources: Sources) -> Iterator[Start]:
    """A Go program whose own folder tells by a variable or an option where it serves."""
    for program in go_programs(sources):
        folder = program.file.rpartition("/")[0]
        for name in _near(sources, (".go",)):
            if name.rpartition("/")[0] == folder:
                yield from _go_start(sources, program, name)


def _go_start(sources: Sources, program: Evidence, name: str) -> Iterator[Start]:
    package = f"./{program.file.rpartition('/')[0]}".rstrip("/")
    build = f"go build -o /tmp/app {shlex.quote(package)} && exec /tmp/app"
    for number, line in sources.lines(name):
        if found := _GO_PORT.search(line):
            detail = f"{program.detail}, and {name}:{number} reads ${found[1]}"
            because = Evidence(program.file, program.line, detail)
            yield Start(("sh", "-c", build), found[1], because)
        elif found := _GO_OPTION.search(line):
            detail = f"{program.detail}, and {name}:{number} has the option -{found[1]}"
            because = Evidence(program.file, program.line, detail)
            yield Start(("sh", "-c", f"{build} -{found[1]} $PORT"), "PORT", because)


def _near(sources: Sources, endings: tuple[str, ...]) -> list[str]:
    """The product's files with one of these endings, the least nested first."""
    names = (
        name
        for name in sources.contents.files
        if name.endswith(endings) and not is_beside(name) and not name.startswith("vendor/")
    )
    return sorted(names, key=lambda name: (name.count("/"), name))
