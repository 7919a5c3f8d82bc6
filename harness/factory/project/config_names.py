"""Which files of the base its own configuration of the test runner names: a plugin of pytest's
(`addopts = "-p plugin"`), Jest's `setupFiles`, Mocha's `require`, PHPUnit's `bootstrap`,
RSpec's `--require`.

Property: such a file decides what a test reports, as a conftest does, so a change must not bring
its own where the base's tests run. Nothing is executed: names are read as text, and only what is a
file of the base counts. What names the app instead is left out (`coverage`, `alias`, `webServer`; a
server that a script puts into the background): a module of the app that came from the base would
hide a change's fault in it.

Not seen: what a named file imports, and what is named by a folder, a preset or a variable, or in a
task file."""

import ast
import json
import posixpath
import re
import shlex
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from fnmatch import translate
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

from harness.factory.project.test_config import RUNNERS, SHARED
from harness.governance.facts.syntax import syntax_tree

MOST_FILES, MOST_READ = 256, 1024 * 1024
"""How many files of configuration are read, and how many bytes of all of them."""
_LONGEST, _MOST_ROOTS = 16 * 1024, 16
"""Characters of one setting, or of one line for a shell, that are read; folders of a load path."""

_PYTEST = re.compile(
    r"\.?pytest\.(?:ini|toml)|tox\.(?:ini|toml)|setup\.cfg|pyproject\.toml|(?:nose2|unittest)\.cfg"
    r"|\.coveragerc.*|conftest\.py"
)
_OWN = re.compile("|".join(translate(name.rpartition("/")[2]) for name in RUNNERS))
_MODULE = tuple(
    inner + suffix for inner in ("", "/__init__") for suffix in (".py", *EXTENSION_SUFFIXES)
)
_DOTTED = r"[A-Za-z_]\w*(?:\.\w+)*"
_PLUGIN = re.compile(rf"""(?:^|[\s"'\[,=])-p["',\s]*({_DOTTED})(?![\w.:/-])""")
_PLUGINS = re.compile(r"^[ \t]*plugins[ \t]*[=:]\s*", re.MULTILINE)
_PYTHONPATH = re.compile(r"^[ \t]*pythonpath[ \t]*[=:]\s*", re.MULTILINE)
_LOADED = re.compile(
    r"(?:^|\s)(?:(?:node|tsx|ts-node|bun|sh|bash|python3?|ruby|php)(?:\s+--?[\w-]+)*"
    r"|-r|-c|--(?:require|import|loader|experimental-loader|preload|config|file|reporter))"
    r"[\s=]*(\S+)"
)
_RSPEC = re.compile(r"""(?:^|\s)(?:--require[=\s]\s*|-r\s*)["']?([^\s"']+)""")
_RSPEC_ROOT = re.compile(r"""(?:^|\s)(?:--default-path[=\s]\s*|-I\s*)["']?([^\s"']+)""")
_OF_THE_APP = re.compile(
    r"\b(?:files|srcFiles|srcDir|webServer|devServer|alias|moduleNameMapper|coverage|include|exclude"
    r"|collectCoverageFrom|\w+IgnorePatterns|preprocessors|proxies)[\"']?\s*[:=]\s*"
)
_TEST_OF_VITE = re.compile(r"\btest[\"']?\s*:\s*(?=\{)")
# A text that nobody closes ends with its line: else each quote in it would be tried to the end.
_PIECE = re.compile(r"""\"(?:\\.|[^"\\\n])*"?|'(?:\\.|[^'\\\n])*'?|[\[\]{}(),]|\n(?!\s*-\s)""")
_WORD = re.compile(r"""[^\s"'`,;:()\[\]{}<>=|&!]+""")
_ATTRIBUTE = re.compile(r"""=\s*["']([^"'<>]+)["']""")
_ENDINGS = ("", ".js", ".cjs", ".mjs", ".ts", ".cts", ".mts", ".jsx", ".tsx", ".json", ".rb")
_OPERATOR, _REDIRECTS = re.compile(r"[;&|<>()\n]+"), re.compile("[<>]")
# They say where the app's modules are, and are the change's.
_NOT_NAMED = re.compile(r"(?:.*/)?[tj]sconfig[^/]*\.json")


def named_by_config(
    paths: Collection[str],
    read: Callable[[str], bytes | None],
    *,
    command: Collection[str],
    env: Mapping[str, str],
) -> frozenset[str]:
    """The paths of the base that its configuration, the command of its tests or their environment
    names, and those at which the same name would be found, too. `paths` are all of the base's,
    `read` gives the bytes of one. What is read is bounded."""
    there, texts = frozenset(paths), dict(_configs(paths, read))
    words = [part for word in command if " " in word.strip() for part in _shell_words(word)]
    found = set(_files(words, there, ""))
    for name in ("NODE_OPTIONS", "RUBYOPT"):
        found.update(_files(_LOADED.findall(env.get(name, "")), there, ""))
    for path, text in texts.items():
        folder = posixpath.dirname(path)
        found.update(_files(_named_in(path, text, command), there, folder))
        if posixpath.basename(path).startswith(".rspec"):
            found.update(_of_rspec(text, there, folder))
    line = " ".join(command)
    found.update(_of_rspec(line if "rspec" in line else "", there, ""))
    found.update(_of_rspec(env.get("SPEC_OPTS", ""), there, ""))
    given = [line, env.get("PYTEST_ADDOPTS", "")]
    modules = {name for text in given for name in _PLUGIN.findall(text)}
    modules.update(re.findall(_DOTTED, env.get("PYTEST_PLUGINS", "")))
    roots = {"", *import_roots(env)}
    for path, text in texts.items():
        if _PYTEST.fullmatch(posixpath.basename(path)):
            modules.update(_modules_in(path, text))
            roots.update((posixpath.dirname(path), *_roots_in(path, text)))
    found.update(_plugins(modules, roots, there, read))
    return frozenset(
        path
        for path in found
        if posixpath.basename(path) not in SHARED and not _NOT_NAMED.fullmatch(path)
    )


def import_roots(env: Mapping[str, str]) -> tuple[str, ...]:
    """The folders of the tree, beside its root, where the tests' PYTHONPATH looks for modules."""
    folders = (
        posixpath.normpath(one.removeprefix("/app").lstrip("/") or ".")
        for one in env.get("PYTHONPATH", "").split(":")
        if not one.startswith("/") or one.startswith("/app/")
    )
    return tuple(one for one in folders if one != "." and not one.startswith(".."))


def _configs(
    paths: Iterable[str], read: Callable[[str], bytes | None]
) -> Iterator[tuple[str, str]]:
    """The files of configuration that are read, with their text, those near the root first."""
    names = (path for path in paths if _is_config(posixpath.basename(path)))
    left = MOST_READ
    for path in sorted(names, key=lambda path: (path.count("/"), path))[:MOST_FILES]:
        content = read(path) or b""
        if len(content) <= left:
            left -= len(content)
            yield path, content.decode("utf-8", "replace")


def _is_config(name: str) -> bool:
    return (
        name == "package.json"
        or _PYTEST.fullmatch(name) is not None
        or _OWN.match(name) is not None
    )


# What names a file by its path


def _named_in(path: str, text: str, command: Collection[str]) -> Iterator[str]:
    """The words of a runner's configuration that may be paths."""
    name = posixpath.basename(path)
    if name == "package.json":
        yield from _in_package(text, command)
    elif re.fullmatch(r"vite\..*", name):
        for value in _values(_TEST_OF_VITE, text, _block):
            yield from _words(value)
    elif re.search(r"\.xml|\.runsettings\Z", name):
        yield from _ATTRIBUTE.findall(text)
    elif _OWN.match(name):
        yield from _words(text)


def _in_package(text: str, command: Collection[str]) -> Iterator[str]:
    try:
        document: Any = json.loads(text)
        scripts = document.pop("scripts", {})
        for keys in SHARED["package.json"]:
            yield from _words(json.dumps(document.get(keys[0]), ensure_ascii=False))
        for name, script in scripts.items():
            if "test" in name or name in command:
                for run in _foreground(script):
                    yield from _LOADED.findall(" ".join(run))
    except (ValueError, TypeError, AttributeError, RecursionError):
        return


def _of_rspec(options: str, there: Collection[str], folder: str) -> Iterator[str]:
    """What RSpec is to require: Ruby looks for a bare name in its load path, to which RSpec adds
    `lib` and `spec`."""
    options = options[:_LONGEST]
    added = {one: None for text in _RSPEC_ROOT.findall(options) for one in text.split(":")}
    load_path = ("lib", "spec", *[*added][:_MOST_ROOTS])
    for name in dict.fromkeys(_RSPEC.findall(options)):
        roots = ("",) if name.startswith(".") else load_path
        for start in {folder, ""}:
            places = [posixpath.normpath(posixpath.join(start, root, name)) for root in roots]
            yield from _known([place + end for place in places for end in ("", ".rb")], there)


def _words(text: str) -> Iterator[str]:
    """The words of a text, without those that stand for the app."""
    at = 0
    for key in _OF_THE_APP.finditer(text):
        if key.start() >= at:
            yield from _WORD.findall(text[at : key.start()].replace("<rootDir>", "."))
            at = _end(text, key.end())
    yield from _WORD.findall(text[at:].replace("<rootDir>", "."))


def _values(key: re.Pattern[str], text: str, value: Callable[[str, int], str]) -> Iterator[str]:
    """The value of each key. What stands within one is not read once more as another's: a file of
    nothing but openings would cost the square of its size."""
    at = 0
    for found in key.finditer(text):
        if found.start() >= at:
            read = value(text, found.end())
            at = found.end() + len(read)
            yield read


def _block(text: str, at: int) -> str:
    return text[at : _end(text, at)]


def _end(text: str, at: int) -> int:
    """Where the value that begins at this place ends: what it opens is closed."""
    depth = 0
    for piece in _PIECE.finditer(text, at):
        if piece[0] in ("[", "{", "("):
            depth += 1
        elif piece[0] in ("]", "}", ")"):
            depth -= 1
        if depth < 0 or (depth == 0 and piece[0] in (",", "\n")):
            return piece.start()
    return len(text)


def _foreground(script: str) -> Iterator[list[str]]:
    """The words of each command of a shell's line that it waits for: what runs beside the tests is
    the app."""
    script = script[:_LONGEST]
    lexer = shlex.shlex(script, posix=True, punctuation_chars=";&|<>()\n")
    lexer.whitespace, lexer.whitespace_split, lexer.commenters = " \t\r", True, ""
    run: list[str] = []
    try:
        for word in lexer:
            if not _OPERATOR.fullmatch(word):
                run.append(word)
            elif not _REDIRECTS.search(word):
                if word[0] != "&" or word[:2] == "&&":
                    yield run
                run = []
    except ValueError:
        run = script.split()
    yield run


def _shell_words(script: str) -> Iterator[str]:
    folder = ""
    for run in _foreground(script):
        if run[:1] == ["cd"]:
            folder = posixpath.join(folder, *run[1:2])
        yield from (posixpath.join(folder, word) for word in run)


def _files(words: Iterable[str], there: Collection[str], folder: str) -> Iterator[str]:
    """The files that these words name from a folder or from the root, with an ending or without."""
    for word in words:
        for start in {folder, ""}:
            path = posixpath.normpath(posixpath.join(start, word.lstrip("/")))
            # A bare word is a file only with its ending: `app` stands in any configuration.
            yield from _known(
                [path + ending for ending in (_ENDINGS if "/" in word else ("",))], there
            )


def _known(places: list[str], there: Collection[str]) -> list[str]:
    """All places where a loader looks for one name, if the base has it at one of them: what a
    change adds at another may be found first."""
    return places if any(place in there for place in places) else []


# What names a module of Python


def _modules_in(path: str, text: str) -> Iterator[str]:
    if path.endswith(".py"):
        yield from _literals(text.encode())
        return
    yield from _PLUGIN.findall(text)
    for value in _values(_PLUGINS, text, _value):
        yield from re.findall(_DOTTED, value)


def _roots_in(path: str, text: str) -> Iterator[str]:
    """The folders where pytest looks for modules by a setting of this file."""
    for value in _values(_PYTHONPATH, text, _value):
        for word in _WORD.findall(value):
            yield posixpath.normpath(posixpath.join(posixpath.dirname(path), word))


def _value(text: str, at: int) -> str:
    """The value of a setting: to the end of a list, or of the lines that are indented below."""
    text = text[at : at + _LONGEST]
    if text.startswith("["):
        return text[: _end(text, 0)]
    return re.split(r"\n(?!\s)|\n[ \t]*\w+[ \t]*=", text, maxsplit=1)[0]


def _literals(source: bytes) -> Iterator[str]:
    """The texts in what a module calls `pytest_plugins`."""
    tree = syntax_tree(source) if b"pytest_plugins" in source else None
    for node in ast.walk(tree) if tree else ():
        match node:
            case ast.Assign(targets=[ast.Name(id="pytest_plugins")], value=value) | (
                ast.AnnAssign(target=ast.Name(id="pytest_plugins"), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id="pytest_plugins"), value=value)
            ):
                for one in ast.walk(value):
                    if isinstance(one, ast.Constant) and isinstance(one.value, str):
                        yield one.value


def _plugins(
    modules: Iterable[str],
    roots: Iterable[str],
    there: Collection[str],
    read: Callable[[str], bytes | None],
) -> Iterator[str]:
    """The files of these modules below any of the roots, and of the plugins that they name."""
    starts, names, known = tuple(roots), list(modules), set[str]()
    while names and len(known) < MOST_FILES:
        name = names.pop()
        if name in known:
            continue
        known.add(name)
        inner = name.replace(".", "/")
        places = [
            posixpath.normpath(posixpath.join(start, inner + end))
            for start in starts
            for end in _MODULE
        ]
        for path in _known(places, there):
            yield path
            if path in there:
                names += _literals(read(path) or b"")
