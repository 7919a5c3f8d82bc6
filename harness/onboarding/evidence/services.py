"""The databases and caches that an app needs beside it.

A service is drafted where two files agree: a compose file runs its image, and a manifest names a
driver for it. One of the two alone may be an option of the app, so it is only reported; so is what
a development container or a CI workflow runs.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from packaging.utils import canonicalize_name

from harness.domain.sandbox import Service
from harness.onboarding.evidence.manifests import names_in, setup_lists
from harness.onboarding.evidence.sources import Sources, table
from harness.onboarding.survey import Evidence, NamedPackage, NamedService

if TYPE_CHECKING:
    from yaml import Node

COMPOSE = ("compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml")
_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}\Z")
_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,62}\Z")
_DEFAULT = re.compile(r"\$\{\w+:?-(.*)\}\Z")
_LONGEST = 400
"""The characters of a variable that are read; the longest name has 63."""
_PLACES = re.compile(
    r"(?:docker-)?compose[\w.-]*\.ya?ml|\.devcontainer/.+|\.devcontainer\.json|"
    r"\.github/workflows/.+\.ya?ml|\.gitlab-ci\.yml"
)
_IMAGE = re.compile(r"""^-?\s*["']?(?:image|name)["']?\s*:\s*["']?(?P<image>[\w./-]+)""")


@dataclass(frozen=True, slots=True)
class _Kind:
    """One kind of server: the images that are it, a pattern of the packages that speak to it, and
    whether a sandbox can have one from Debian's packages."""

    name: str
    images: frozenset[str]
    drivers: str
    is_drafted: bool = False


POSTGRESQL = _Kind(
    "PostgreSQL",
    frozenset({"postgres", "postgresql", "postgis"}),
    r"pg|pg-promise|postgres|psycopg\S*|asyncpg|pg8000|github\.com/(?:lib/pq|jackc/pgx\S*)|"
    r"tokio-postgres|org\.postgresql:postgresql",
    is_drafted=True,
)
MARIADB = _Kind(
    "MariaDB",
    frozenset({"mariadb", "mysql"}),
    r"pymysql|mysqlclient|mysql-connector-python|aiomysql|asyncmy|mariadb|mysql2?|"
    r"github\.com/go-sql-driver/mysql|com\.mysql:mysql-connector-j|mysql:mysql-connector-java",
    is_drafted=True,
)
REDIS = _Kind(
    "Redis",
    frozenset({"redis", "valkey"}),
    r"redis|ioredis|valkey|django-redis|github\.com/(?:redis|go-redis)/\S+",
    is_drafted=True,
)
KINDS = (
    POSTGRESQL,
    MARIADB,
    REDIS,
    _Kind(
        "MongoDB",
        frozenset({"mongo", "mongodb"}),
        r"pymongo|motor|mongoengine|mongodb|mongoose|go\.mongodb\.org/mongo-driver",
    ),
    _Kind("RabbitMQ", frozenset({"rabbitmq"}), r"pika|amqplib"),
    _Kind("Memcached", frozenset({"memcached"}), r"pymemcache|pylibmc|memcached"),
    _Kind("Elasticsearch", frozenset({"elasticsearch"}), r"elasticsearch|@elastic/elasticsearch"),
)


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
    needed = tuple(_needed(sources, packages))
    started = tuple(_started(sources))
    found = []
    for kind in KINDS:
        image = next((one for one in composed.values() if _image(one.image) in kind.images), None)
        driver = next((one for one in needed if re.fullmatch(kind.drivers, one.name)), None)
        places = [image.because] if image else _first(started, kind)
        places += [replace(driver.because, detail=f"names {driver.name}")] if driver else []
        if places:
            draft = _service(kind, image) if image and driver and kind.is_drafted else None
            found.append(NamedService(kind.name, tuple(places), draft))
    return tuple(found)


def _started(sources: Sources) -> Iterator[tuple[str, Evidence]]:
    """The images that any file of the repository's own environments names, each with its place."""
    for name in filter(_PLACES.fullmatch, sources.contents.files):
        for number, line in sources.lines(name):
            if image := _IMAGE.match(line):
                yield _image(image["image"]), Evidence(name, number, f"runs {image['image']}")


def _first(started: Iterable[tuple[str, Evidence]], kind: _Kind) -> list[Evidence]:
    return [because for image, because in started if image in kind.images][:1]


def _needed(sources: Sources, packages: Iterable[NamedPackage]) -> Iterator[NamedPackage]:
    """The packages that the app needs to run: no extra, and nothing for its development."""
    required = frozenset(_names(setup_lists(sources).get("install_requires")))
    needed = {
        "package.json": set(table(sources.package_json, "dependencies")),
        "pyproject.toml": {
            *map(canonicalize_name, table(sources.pyproject, "tool", "poetry", "dependencies")),
            *_names(table(sources.pyproject, "project").get("dependencies")),
        },
        **dict.fromkeys(("setup.py", "setup.cfg"), required),
    }
    for package in packages:
        if package.name in needed.get(package.because.file, {package.name}):
            yield package


def _names(lines: object) -> Iterator[str]:
    for line in lines if isinstance(lines, list | tuple) else ():
        if isinstance(line, str):
            yield from names_in(line)


def _image(reference: str) -> str:
    """The bare name of an image: `mariadb` for `docker.io/library/mariadb:11@sha256:…`."""
    return reference.partition("@")[0].rpartition("/")[2].partition(":")[0]


def _service(kind: _Kind, one: _Composed) -> Service:
    """How Debian's own package does what the image would. In the sandbox nobody else reaches it,
    so no password is asked for."""

    def named(default: str, *variables: str) -> str:
        # `${NAME:-shop}` is shop on a machine where nobody set NAME.
        given = (
            _DEFAULT.sub(r"\1", one.env.get(variable, "")[:_LONGEST]) for variable in variables
        )
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
    from yaml import SequenceNode

    for name, value in _entries(node):
        if isinstance(value.value, str):
            yield name, value.value
    if isinstance(node, SequenceNode):
        for one in node.value:
            if isinstance(one.value, str):
                name, _, text = one.value.partition("=")
                yield name, text


def _entries(node: "Node | None") -> Iterator[tuple[str, "Node"]]:
    from yaml import MappingNode

    if isinstance(node, MappingNode):
        yield from ((key.value, value) for key, value in node.value if isinstance(key.value, str))


def _under(node: "Node | None", key: str) -> "Node | None":
    return next((value for name, value in _entries(node) if name == key), None)
