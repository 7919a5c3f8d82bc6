"""Every package that a manifest names, with the file and line.

Parsing is lenient: a manifest that cannot be parsed names nothing. Nothing is executed, not even
`setup.py`: its call of `setup()` is read from its syntax tree.
"""

import ast
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from configparser import ConfigParser
from configparser import Error as ConfigSyntaxError

from packaging.utils import canonicalize_name

from harness.governance.facts.syntax import syntax_tree
from harness.onboarding.evidence.sources import Sources, json_object, table, toml_document
from harness.onboarding.survey import Evidence, NamedPackage

REQUIREMENTS = re.compile(
    r"(?:requirements/[\w.-]+|[\w.-]*requirements[\w.-]*)\.(?:txt|lock|in)\Z|requirements\.lock\Z"
)
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_WORD = re.compile(r"(?<![\w.-])@?\w[\w./-]*(?::\w[\w.-]*)?")
_IMPORT = re.compile(r"\s*(?:from|import)\s")
_GEM = re.compile(r"^[ \t]*gem\s+[\"']([\w-]+)[\"']", re.MULTILINE)
_GO_REQUIRE = re.compile(r"^(?:require[ \t]+|[ \t]+)([\w-]+\.[\w.-]+/\S+)[ \t]+v\d", re.MULTILINE)
_GRADLE = re.compile(
    r"^[ \t]*(?:api|implementation|compileOnly|runtimeOnly|testImplementation)"
    r"\s*(?:\(\s*)?[\"']([\w.-]+:[\w.-]+)",
    re.MULTILINE,
)
_MAVEN = re.compile(
    r"<dependency>\s*<groupId>\s*([\w.${}-]+)\s*</groupId>\s*"
    r"<artifactId>\s*([\w.${}-]+)\s*</artifactId>"
)
_REQUIRING, _EXTRA = ("install_requires", "tests_require", "setup_requires"), "extras_require."
_NPM_KINDS = ("dependencies", "devDependencies", "optionalDependencies", "peerDependencies")
_CARGO_KINDS = ("dependencies", "dev-dependencies", "build-dependencies")
# what Composer calls a package and is none.
_PLATFORM = re.compile(r"(?:php|ext-.+|composer-.+)\Z")


def packages_in(sources: Sources) -> tuple[NamedPackage, ...]:
    """Each package once, at the first place that names it, in the order of the manifests."""
    found: dict[str, NamedPackage] = {}
    own = canonicalize_name(_own_name(sources))
    lines = dict[str, Mapping[str, int]]()
    for file, name in _named(sources):
        # Poetry lists `python` itself, and an extra may name its own project.
        if name not in found and name not in ("python", own):
            # Once for each file: a stranger's may name thirty thousand.
            if file not in lines:
                lines = {file: _first_lines(sources.contents.text(file))}
            line = lines[file].get(_alike(name), 0)
            found[name] = NamedPackage(name, Evidence(file, line, "names it"))
    return tuple(found.values())


def requirement_files(sources: Sources) -> list[str]:
    """Files in pip's format: `requirements.txt` and similar names."""
    return [name for name in sources.contents.files if REQUIREMENTS.fullmatch(name)]


def names_in(text: str) -> Iterator[str]:
    """The package names at the start of requirement lines."""
    for line in text.splitlines():
        found = _NAME.match(line.strip())
        if found and not line.strip().startswith(("-", "#")) and not line.startswith((" ", "\t")):
            yield canonicalize_name(found[0])


def setup_lists(sources: Sources) -> Mapping[str, tuple[str, ...]]:
    """The requirements in `setup.cfg` and `setup.py`, by key: `install_requires`, and
    `extras_require.NAME` for each extra. A file without requirements has no keys here."""
    return {**_setup_py(sources), **_setup_cfg(sources)}


def setup_file(sources: Sources) -> str:
    """`setup.cfg` or `setup.py`, whichever lists requirements; empty if neither does."""
    found = {"setup.cfg": _setup_cfg(sources), "setup.py": _setup_py(sources)}
    return next((file for file, lists in found.items() if lists), "")


def _own_name(sources: Sources) -> str:
    """The project's own name: an extra may require another extra of the same project."""
    named = table(sources.pyproject, "project").get("name") or _setup_name(sources)
    return named if isinstance(named, str) else ""


def _setup_name(sources: Sources) -> str:
    found = re.search(
        r"^[ \t]*name[ \t]*=\s*[\"']?([\w.-]+)",
        sources.contents.text("setup.cfg") + "\n" + sources.contents.text("setup.py"),
        re.MULTILINE,
    )
    return found[1] if found else ""


def _named(sources: Sources) -> Iterator[tuple[str, str]]:
    """Files and the names in them, the product's own language first."""
    for file in requirement_files(sources):
        yield from ((file, name) for name in names_in(sources.contents.text(file)))
    readers: dict[str, Callable[[Sources], Iterable[str]]] = {
        "pyproject.toml": _pyproject,
        "setup.cfg": lambda one: _of_lists(_setup_cfg(one)),
        "setup.py": lambda one: _of_lists(_setup_py(one)),
        "Pipfile": _pipfile,
        "package.json": _package_json,
        "go.mod": lambda one: _GO_REQUIRE.findall(one.contents.text("go.mod")),
        "Cargo.toml": _cargo,
        "Gemfile": lambda one: _GEM.findall(one.contents.text("Gemfile")),
        "composer.json": _composer,
        "pom.xml": _pom,
        "build.gradle": lambda one: _GRADLE.findall(one.contents.text("build.gradle")),
        "build.gradle.kts": lambda one: _GRADLE.findall(one.contents.text("build.gradle.kts")),
    }
    # What a Rails app's pages need comes after what the app itself needs.
    is_node = sources.language in ("JavaScript", "TypeScript", "Vue", "Svelte", "Python", "")
    for file, read in sorted(
        readers.items(), key=lambda one: one[0] == "package.json" and not is_node
    ):
        if file in sources.contents.files:
            yield from ((file, name) for name in read(sources))


def _pyproject(sources: Sources) -> Iterator[str]:
    project, tool = table(sources.pyproject, "project"), table(sources.pyproject, "tool")
    lists = (
        project.get("dependencies"),
        *table(project, "optional-dependencies").values(),
        *table(sources.pyproject, "dependency-groups").values(),
        *table(tool, "pdm", "dev-dependencies").values(),
        table(tool, "uv").get("dev-dependencies"),
    )
    for group in lists:
        yield from _of_list(group)
    poetry = table(tool, "poetry")
    groups = [table(poetry, "group", name, "dependencies") for name in table(poetry, "group")]
    for named in (table(poetry, "dependencies"), table(poetry, "dev-dependencies"), *groups):
        yield from map(canonicalize_name, named)


def _of_list(group: object) -> Iterator[str]:
    for item in group if isinstance(group, list | tuple) else ():
        if isinstance(item, str):
            yield from names_in(item.strip())


def _of_lists(lists: Mapping[str, tuple[str, ...]]) -> Iterator[str]:
    for words in lists.values():
        yield from _of_list(words)


def _setup_cfg(sources: Sources) -> Mapping[str, tuple[str, ...]]:
    parser = ConfigParser(interpolation=None, strict=False)
    try:
        parser.read_string(sources.contents.text("setup.cfg"))
    except ConfigSyntaxError:
        return {}
    # Only these two: each section has all defaults, so all of them are the square of the file.
    options, extras = (
        dict(parser.items(name)) if parser.has_section(name) else {}
        for name in ("options", "options.extras_require")
    )
    options = {key: text for key, text in options.items() if key in _REQUIRING}
    found = options | {f"{_EXTRA}{name}": text for name, text in extras.items()}
    return {
        key: tuple(filter(None, map(str.strip, text.splitlines()))) for key, text in found.items()
    }


def _setup_py(sources: Sources) -> Mapping[str, tuple[str, ...]]:
    """The strings in arguments of `setup()`: in lists, and in names that the module
    assigns a list."""
    tree = syntax_tree(sources.contents.text("setup.py"))
    if tree is None:
        return {}
    given = {
        target.id: node.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    calls = (node for node in ast.walk(tree) if isinstance(node, ast.Call))
    keywords = [
        keyword
        for call in calls
        if ast.unparse(call.func) in ("setup", "setuptools.setup")
        for keyword in call.keywords
    ]
    found = dict[str, tuple[str, ...]]()
    for keyword in keywords:
        if keyword.arg in _REQUIRING:
            found[keyword.arg] = tuple(_texts(keyword.value, given))
        elif keyword.arg == "extras_require" and isinstance(keyword.value, ast.Dict):
            for name, value in zip(keyword.value.keys, keyword.value.values, strict=True):
                if isinstance(name, ast.Constant) and isinstance(name.value, str):
                    found[f"{_EXTRA}{name.value}"] = tuple(_texts(value, given))
    return found


def _texts(node: ast.expr, given: Mapping[str, ast.expr]) -> Iterator[str]:
    match node:
        case ast.Constant(value=str(text)):
            yield from (line.strip() for line in text.splitlines() if line.strip())
        case ast.List(elts=items) | ast.Tuple(elts=items):
            for item in items:
                yield from _texts(item, given)
        case ast.BinOp(op=ast.Add()):
            # A sum leans to the left, as deep as it has parts: more of them than nest are summed.
            parts = list[ast.expr]()
            while isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
                parts.append(node.right)
                node = node.left
            for part in (node, *reversed(parts)):
                yield from _texts(part, given)
        case ast.Name(id=name) if name in given:
            # A name is followed once: `x = x + …` would never end.
            yield from _texts(given[name], {})


def _pipfile(sources: Sources) -> Iterator[str]:
    found = toml_document(sources.contents.text("Pipfile"))
    for section in ("packages", "dev-packages"):
        yield from map(canonicalize_name, table(found, section))


def _package_json(sources: Sources) -> Iterator[str]:
    for kind in _NPM_KINDS:
        yield from table(sources.package_json, kind)


def _cargo(sources: Sources) -> Iterator[str]:
    found = toml_document(sources.contents.text("Cargo.toml"))
    for document in (found, table(found, "workspace")):
        for kind in _CARGO_KINDS:
            yield from table(document, kind)


def _composer(sources: Sources) -> Iterator[str]:
    found = json_object(sources.contents.text("composer.json"))
    for kind in ("require", "require-dev"):
        yield from (name for name in table(found, kind) if not _PLATFORM.match(name))


def _pom(sources: Sources) -> Iterator[str]:
    # Only up to the last end of a plugin: none behind it has one, and each would be looked for.
    plugins, end, text = sources.contents.text("pom.xml").rpartition("</plugin>")
    # A plugin's own dependencies are of the build, not of the product.
    text = re.sub(r"<plugin>.*?</plugin>", "", plugins + end, flags=re.DOTALL) + text
    yield from map(":".join, _MAVEN.findall(text))


def _first_lines(text: str) -> Mapping[str, int]:
    """The first line of each word that may be a package's name. An import names a module, not a
    package."""
    found = dict[str, int]()
    for number, line in enumerate(text.splitlines(), 1):
        if not _IMPORT.match(line):
            for word in _WORD.findall(line):
                found.setdefault(_alike(word), number)
    return found


def _alike(name: str) -> str:
    """A name as it is compared: manifests write one with any dashes, and in any case."""
    return re.sub(r"[-_.]+", "-", name).strip("-").casefold()
