"""The databases and caches that an app needs beside it.

A service is drafted where two files agree: a compose file runs its image, and a manifest names a
driver for it. One of the two alone may be an option of the app, so it is only reported.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from harness.domain.sandbox import Service
from harness.onboarding.evidence.sources import Sources
from harness.onboarding.survey import Evidence, NamedPackage, NamedService

if TYPE_CHECKING:
    from yaml import Node

COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_DEFAULT = re.compile(r"\$\{\w+:?-(.*)\}\Z")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of server: the images that are it, and the packages that speak to it."""

    name: str
    images: frozenset[str]
    drivers: frozenset[str]


# fmt: off
POSTGRESQL = _Kind(
    "PostgreSQL",
    frozenset({"postgres", "postgresql"}),
    frozenset({
        "pg", "pg-promise", "postgres", "psycopg", "psycopg2", "psycopg2-binary", "asyncpg",
        "pg8000", "github.com/jackc/pgx/v5", "github.com/lib/pq",
    }),
)
MARIADB = _Kind(
    "MariaDB",
    frozenset({"mariadb", "mysql"}),
    frozenset({
        "pymysql", "mysqlclient", "mysql-connector-python", "aiomysql", "asyncmy", "mariadb",
        "mysql", "mysql2", "github.com/go-sql-driver/mysql",
    }),
)
REDIS = _Kind(
    "Redis",
    frozenset({"redis", "valkey"}),
    frozenset({"redis", "ioredis", "valkey", "github.com/redis/go-redis/v9"}),
)
# fmt: on
KINDS = (POSTGRESQL, MARIADB, REDIS)


@dataclass(frozen=True, slots=True)
class _Composed:
    """A service of a compose file: its name, its image, and the variables it is started with."""

    name: str
    image: str
    env: Mapping[str, str]
    because: Evidence


def services_in(sources: Sources, packages: tuple[NamedPackage, ...]) -> tuple[NamedService, ...]:
    """Each kind of service that a compose file or a driver names, with the first place."""
    # A name twice is no valid compose file, and no valid factory.toml.
    composed = {one.name: one for one in reversed(tuple(_composed(sources)))}
    found = []
    for kind in KINDS:
        image = next((one for one in composed.values() if _image(one.image) in kind.images), None)
        driver = next((one for one in packages if one.name in kind.drivers), None)
        places = [image.because] if image else []
        places += [replace(driver.because, detail=f"names {driver.name}")] if driver else []
        if places:
            draft = _service(kind, image) if image and driver else None
            found.append(NamedService(kind.name, tuple(places), draft))
    return tuple(found)


def _image(reference: str) -> str:
    """The bare name of an image: `mariadb` for `docker.io/library/mariadb:11@sha256:…`."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _service(kind: _Kind, one: _Composed) -> Service:
    """How Debian's own package does what the image would. In the sandbox nobody else reaches it,
    so no password is asked for."""

    def named(default: str, *variables: str) -> str:
        # `${NAME:-shop}` is shop on a machine where nobody set NAME.
        given = (_DEFAULT.sub(r"\1", one.env.get(variable, "")) for variable in variables)
        return next((value for value in given if _WORD.match(value)), default)

    name = one.name if _NAME.match(one.name) else kind.name.lower()
    if kind is POSTGRESQL:
        user = named("postgres", "POSTGRES_USER")
        return _postgresql(name, user, named(user, "POSTGRES_DB"))
    if kind is MARIADB:
        return _mariadb(name, named("", "MARIADB_DATABASE", "MYSQL_DATABASE"))
    return Service(
        name,
        start=("redis-server", "--dir", "{data}", "--save", ""),
        ready=("redis-cli", "ping"),
    )


def _postgresql(name: str, user: str, database: str) -> Service:
    def program(words: str) -> tuple[str, ...]:
        # Debian puts them in a folder with the version in its name.
        return ("sh", "-c", f"exec /usr/lib/postgresql/*/bin/{words}")

    _, _, start = program("postgres -D {data}/pg -k /tmp -h 127.0.0.1 -c fsync=off")
    return Service(
        name,
        prepare=program(f"initdb -D {{data}}/pg -U {user} --auth=trust --no-sync --wal-segsize=1"),
        # It was copied while it stood still, so a lock that is there is nobody's.
        start=("sh", "-c", f"rm -f {{data}}/pg/postmaster.pid; {start}"),
        ready=program("pg_isready -q -h 127.0.0.1"),
        setup=()
        if database in ("postgres", "template1")
        else program(f"createdb -h 127.0.0.1 -U {user} {database}"),
    )


def _mariadb(name: str, database: str) -> Service:
    # Small files: the judge copies them for each of its runs.
    small = ("--innodb-log-file-size=4M", "--innodb-undo-tablespaces=0")
    client = ("mariadb", "--no-defaults", "--socket=/tmp/mariadb.sock", "-e")
    data = ("--no-defaults", "--datadir={data}/mariadb")
    return Service(
        name,
        prepare=("mariadb-install-db", *data, "--skip-test-db", *small),
        start=(
            "/usr/sbin/mariadbd", *data, "--socket=/tmp/mariadb.sock", "--bind-address=127.0.0.1",
            "--skip-grant-tables", *small,
        ),
        ready=(*client, "select 1"),
        ready_seconds=60,
        setup=(*client, f"create database {database}") if database else (),
    )  # fmt: skip


def _composed(sources: Sources) -> Iterator[_Composed]:
    """The services of the first compose file that there is, at the root."""
    import yaml

    from harness.strict_yaml import BoundedLoader

    file = next((name for name in COMPOSE if name in sources.contents.files), "")
    try:
        top = yaml.compose(sources.contents.text(file), Loader=BoundedLoader) if file else None
    except (yaml.YAMLError, RecursionError, ValueError):
        return
    for name, service in _entries(_under(top, "services")):
        image = _under(service, "image")
        if image is not None and isinstance(image.value, str):
            env = dict(_environment(_under(service, "environment")))
            line = image.start_mark.line + 1
            yield _Composed(name, image.value, env, Evidence(file, line, f"runs {image.value}"))


def _environment(node: "Node | None") -> Iterator[tuple[str, str]]:
    """Variables as a mapping or as a list of `NAME=value`."""
    import yaml

    for name, value in _entries(node):
        if isinstance(value.value, str):
            yield name, value.value
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            if isinstance(one.value, str):
                name, _, text = one.value.partition("=")
                yield name, text


def _entries(node: "Node | None") -> Iterator[tuple[str, "Node"]]:
    import yaml

    if isinstance(node, yaml.MappingNode):
        yield from ((key.value, value) for key, value in node.value if isinstance(key.value, str))


def _under(node: "Node | None", key: str) -> "Node | None":
    return next((value for name, value in _entries(node) if name == key), None)
