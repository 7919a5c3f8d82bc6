"""Facts of one Python file from its syntax tree: apps, servers, routes, variables.
Nothing is imported."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from harness.governance.facts.syntax import syntax_tree
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
    routes: tuple[Route, ...]
    # Lines that start a server.
    servers: tuple[int, ...]
    # Names and lines of click commands that the app has.
    commands: tuple[tuple[str, int], ...]
    # Lines that open a place of data beside the source.
    writes: tuple[int, ...]
    imports: frozenset[str]
    guard: int

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
        routes=tuple(route for call in calls for route in _routes(call, path)),
        servers=tuple(call.lineno for call in calls if _is_server(call)),
        commands=tuple(_commands(nodes)),
        writes=tuple(sorted(_writes(nodes))),
        imports=frozenset(_imports(nodes)),
        guard=next((node.lineno for node in tree.body if _is_guard(node)), 0),
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
    first = _constant(call.args[0]) if call.args else None
    if first is None or len(first) > 200:
        return
    is_method = isinstance(call.func, ast.Attribute)
    if is_method and (name in _ROUTE_CALLS or name in _VERBS) and first.startswith("/"):
        yield Route(first, _methods(call, name), path, call.lineno)
    elif (
        not is_method
        and name in _DJANGO
        and len(call.args) > 1
        and (path.endswith("urls.py") or first.startswith("/"))
    ):
        yield Route("/" + first.lstrip("/"), ("GET",), path, call.lineno)


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


def _writes(nodes: tuple[ast.AST, ...]) -> Iterator[int]:
    """Lines that open or name a database: `sqlite3.connect`, `app.instance_path`, `sqlite:///…`."""
    for node in nodes:
        match node:
            case ast.Call(func=func) if _dotted(func) == "sqlite3.connect":
                yield node.lineno
            case ast.Attribute(attr="instance_path"):
                yield node.lineno
            case ast.Constant(value=str(text)) if text.startswith("sqlite:///"):
                yield node.lineno


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
