"""Facts of one Python file from its syntax tree: apps, servers, routes, variables.
Nothing is imported."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

from harness.governance.facts.syntax import syntax_tree
from harness.onboarding.evidence.blueprints import Mount, RouteGroup, groups_in, mounts_in
from harness.onboarding.survey import Route

FRAMEWORKS = {"Flask": "flask", "FastAPI": "fastapi", "Starlette": "starlette", "Quart": "quart"}
SERVERS = frozenset(
    {
        "run",
        "serve",
        "run_app",
        "run_simple",
        "serve_forever",
        "WSGIServer",
        "HTTPServer",
        "ThreadingHTTPServer",
        "make_server",
    }
)
_ROUTE_CALLS = frozenset(
    {"route", "add_url_rule", "add_api_route", "add_route", "api_route", "websocket"}
)
_VERBS = frozenset({"get", "post", "put", "patch", "delete", "head", "options"})
_DJANGO = frozenset({"path", "re_path", "Route"})


@dataclass(frozen=True, slots=True)
class AppObject:
    """A WSGI or ASGI application: a name at module level, or a function without required
    arguments that returns one."""

    framework: str
    name: str
    line: int
    is_factory: bool


@dataclass(frozen=True, slots=True)
class Variable:
    """An environment variable that the source reads. `default` is used if it is not set."""

    name: str
    default: str | None
    line: int


@dataclass(frozen=True, slots=True)
class PythonFile:
    """The facts of one file. `guard` is the line of `if __name__ == "__main__"`, or 0."""

    path: str
    apps: tuple[AppObject, ...]
    variables: tuple[Variable, ...]
    # Each with the variable that it is added to.
    routes: tuple[tuple[str, Route], ...]
    # Lines that start a server.
    servers: tuple[int, ...]
    # Names and lines of click commands that the app has.
    commands: tuple[tuple[str, int], ...]
    # Lines that open a place of data beside the source.
    writes: tuple[int, ...]
    imports: frozenset[str]
    guard: int
    # Lines that start a server in a click command, with the command's name.
    serving_commands: tuple[tuple[int, str], ...] = ()
    # The option of its command line that has the port; empty if there is none.
    port_option: str = ""
    groups: tuple[RouteGroup, ...] = ()
    mounts: tuple[Mount, ...] = ()

    @property
    def module(self) -> str:
        """Its dotted name from the root, without `src/`."""
        bare = self.path.removeprefix("src/").removesuffix(".py")
        return bare.removesuffix("/__init__").removesuffix("/__main__").replace("/", ".")


def python_file(path: str, text: str) -> PythonFile | None:
    """The facts of a file; None if it cannot be parsed as Python."""
    tree = syntax_tree(text)
    if tree is None:
        return None
    nodes = tuple(ast.walk(tree))
    calls = [node for node in nodes if isinstance(node, ast.Call)]
    return PythonFile(
        path=path,
        apps=tuple(_apps(tree)),
        variables=tuple(_variables(nodes)),
        routes=tuple((_owner(call), route) for call in calls for route in _routes(call, path)),
        servers=tuple(call.lineno for call in calls if _is_server(call)),
        commands=tuple(_commands(nodes)),
        writes=tuple(sorted(_writes(nodes))),
        imports=frozenset(_imports(nodes)),
        guard=next((node.lineno for node in tree.body if _is_guard(node)), 0),
        serving_commands=tuple(_serving_commands(nodes)),
        port_option=next(_port_options(calls), ""),
        groups=tuple(groups_in(nodes)),
        mounts=tuple(mounts_in(nodes)),
    )


def _apps(tree: ast.Module) -> Iterator[AppObject]:
    for node in tree.body:
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call) if (
                framework := FRAMEWORKS.get(_called(call))
            ):
                yield AppObject(framework, name, node.lineno, is_factory=False)
            case ast.FunctionDef(name=name) if not _needs_arguments(node.args):
                made = (
                    FRAMEWORKS.get(_called(call))
                    for call in ast.walk(node)
                    if isinstance(call, ast.Call)
                )
                returns = any(
                    isinstance(inner, ast.Return) and inner.value is not None
                    for inner in ast.walk(node)
                )
                if (framework := next(filter(None, made), None)) and returns:
                    yield AppObject(framework, name, node.lineno, is_factory=True)


def _needs_arguments(arguments: ast.arguments) -> bool:
    positional = len(arguments.posonlyargs) + len(arguments.args) - len(arguments.defaults)
    return positional > 0 or any(default is None for default in arguments.kw_defaults)


def _variables(nodes: tuple[ast.AST, ...]) -> Iterator[Variable]:
    for node in nodes:
        match node:
            case ast.Call(
                func=ast.Attribute(attr="get" | "getenv" | "setdefault"),
                args=[ast.Constant(value=str(name)), *rest],
            ) if _is_environment(node.func):
                yield Variable(name, _constant(rest[0]) if rest else None, node.lineno)
            case ast.Subscript(value=value, slice=ast.Constant(value=str(name))) if _dotted(
                value
            ).endswith("environ"):
                yield Variable(name, None, node.lineno)


def _is_environment(called: ast.expr) -> bool:
    return _dotted(called) in (
        "os.environ.get",
        "environ.get",
        "os.getenv",
        "getenv",
        "os.environ.setdefault",
    )


def _routes(call: ast.Call, path: str) -> Iterator[Route]:
    name = _called(call)
    is_method = isinstance(call.func, ast.Attribute)
    # `add_route(view, "/path")` of some frameworks has the path behind.
    given = [_constant(arg) for arg in call.args[: 2 if name == "add_route" else 1]]
    first = next((one for one in given if one is not None), None)
    if first is None or len(first) > 200:
        return
    is_route = name == "add_route" or (is_method and (name in _ROUTE_CALLS or name in _VERBS))
    if is_route and first.startswith("/"):
        # A pattern is no address that a person could open.
        if not re.search(r"\(\?|\\", first):
            yield Route(first.rstrip("$"), _methods(call, name), path, call.lineno)
    elif (
        not is_method
        and name in _DJANGO
        and len(call.args) > 1
        and (path.endswith("urls.py") or first.startswith("/"))
    ):
        yield Route("/" + first.lstrip("/"), ("GET",), path, call.lineno)


def _owner(call: ast.Call) -> str:
    return _dotted(call.func).rpartition(".")[0]


def _methods(call: ast.Call, name: str) -> tuple[str, ...]:
    if name in _VERBS:
        return (name.upper(),)
    given = next((keyword.value for keyword in call.keywords if keyword.arg == "methods"), None)
    if isinstance(given, ast.List | ast.Tuple | ast.Set):
        return tuple(sorted(filter(None, map(_constant, given.elts)))) or ("GET",)
    return ("GET",)


def _commands(nodes: tuple[ast.AST, ...]) -> Iterator[tuple[str, int]]:
    """The names in `@click.command("x")` and `@app.cli.command("x")`."""
    for node in nodes:
        for decorator in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            match decorator:
                case ast.Call(
                    func=ast.Attribute(attr="command"), args=[ast.Constant(value=str(name)), *_]
                ):
                    yield name, decorator.lineno


def _serving_commands(nodes: tuple[ast.AST, ...]) -> Iterator[tuple[int, str]]:
    """Functions below `@….command()` that start a server: the line, and the command's name."""
    for node in (one for one in nodes if isinstance(one, ast.FunctionDef)):
        for decorator in node.decorator_list:
            if isinstance(decorator, ast.Call) and _called(decorator) == "command":
                inner = (one for one in ast.walk(node) if isinstance(one, ast.Call))
                named = _constant(decorator.args[0]) if decorator.args else None
                for call in filter(_is_server, inner):
                    yield call.lineno, named or node.name.replace("_", "-")


def _port_options(calls: list[ast.Call]) -> Iterator[str]:
    """`--port`, as click and argparse declare it."""
    for call in calls:
        if _called(call) in ("option", "add_argument"):
            yield from (option for option in map(_constant, call.args) if option == "--port")


def _writes(nodes: tuple[ast.AST, ...]) -> Iterator[int]:
    """Lines that open or name a database beside the source: `sqlite3.connect("a.db")`,
    `app.instance_path`, `sqlite:///a.db`. An absolute path or one from elsewhere is none."""
    given = {
        target.id: node.value
        for node in nodes
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in nodes:
        match node:
            case ast.Call(func=func, args=[place, *_]) if _dotted(func) == "sqlite3.connect":
                named = given.get(place.id, place) if isinstance(place, ast.Name) else place
                if _is_beside_the_code(named):
                    yield node.lineno
            case ast.Attribute(attr="instance_path"):
                yield node.lineno
            case ast.Constant(value=str(text)) if re.match(r"sqlite:///[^/:]", text):
                yield node.lineno


def _is_beside_the_code(place: ast.expr) -> bool:
    text = _constant(place)
    if text is not None:
        return not text.startswith(("/", ":memory:", "file:", "~")) and bool(text)
    return any(isinstance(one, ast.Name) and one.id == "__file__" for one in ast.walk(place))


def _imports(nodes: tuple[ast.AST, ...]) -> Iterator[str]:
    for node in nodes:
        match node:
            case ast.Import(names=names):
                yield from (alias.name.split(".")[0] for alias in names)
            case ast.ImportFrom(module=str(module), level=0):
                yield module.split(".")[0]


def _is_server(call: ast.Call) -> bool:
    """`app.run()`, `uvicorn.run(…)`, `serve(…)`: a call that serves until it is stopped.
    `subprocess.run` is not one."""
    name, dotted = _called(call), _dotted(call.func)
    if name == "run":
        owner = dotted.split(".")[0]
        return owner in ("uvicorn", "hypercorn", "web", "bottle") or owner.endswith(
            ("app", "application", "server")
        )
    return name in SERVERS


def _is_guard(node: ast.stmt) -> bool:
    match node:
        case ast.If(
            test=ast.Compare(
                left=ast.Name(id="__name__"), comparators=[ast.Constant(value="__main__")]
            )
        ):
            return True
    return False


def _called(call: ast.Call) -> str:
    return _dotted(call.func).rpartition(".")[2]


def _dotted(node: ast.expr) -> str:
    match node:
        case ast.Name(id=name):
            return name
        case ast.Attribute(value=value, attr=name):
            owner = _dotted(value)
            return f"{owner}.{name}" if owner else name
        case ast.Call(func=func):
            return f"{_dotted(func)}()"
    return ""


def _constant(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None
