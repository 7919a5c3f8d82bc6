"""Databases and caches that the app needs beside it, by the images that the repository starts for
itself and the drivers among its packages."""

import re
from collections.abc import Iterable, Iterator

from harness.onboarding.evidence.manifests import names_in, normalised, setup_lists
from harness.onboarding.evidence.sources import Sources, table
from harness.onboarding.survey import Evidence, NamedPackage, NeededService

_PLACES = re.compile(
    r"(?:docker-)?compose[\w.-]*\.ya?ml|\.devcontainer/.+|\.devcontainer\.json|"
    r"\.github/workflows/.+\.ya?ml|\.gitlab-ci\.yml"
)
_IMAGE = re.compile(r"""^-?\s*["']?(?:image|name)["']?\s*:\s*["']?(?:[\w.-]+/)*(?P<image>[\w-]+)""")
_IMAGES = {
    "postgres": "PostgreSQL",
    "postgresql": "PostgreSQL",
    "postgis": "PostgreSQL",
    "mariadb": "MariaDB or MySQL",
    "mysql": "MariaDB or MySQL",
    "redis": "Redis",
    "valkey": "Redis",
    "mongo": "MongoDB",
    "mongodb": "MongoDB",
    "rabbitmq": "RabbitMQ",
    "memcached": "Memcached",
    "elasticsearch": "Elasticsearch",
}
_DRIVERS = {
    "PostgreSQL": r"psycopg\S*|asyncpg|pg|pg-promise|github\.com/(?:lib/pq|jackc/pgx\S*)|"
    r"tokio-postgres|org\.postgresql:postgresql",
    "MariaDB or MySQL": r"mysqlclient|pymysql|mysql2?|mariadb|github\.com/go-sql-driver/mysql|"
    r"com\.mysql:mysql-connector-j|mysql:mysql-connector-java",
    "Redis": r"redis|ioredis|django-redis|github\.com/(?:redis|go-redis)/\S+",
    "MongoDB": r"pymongo|motor|mongoengine|mongodb|mongoose|go\.mongodb\.org/mongo-driver",
}


def services_in(sources: Sources, packages: Iterable[NamedPackage]) -> tuple[NeededService, ...]:
    """Each kind of service once: an image that is started counts before a driver, which may be for
    one choice among several."""
    found = dict[str, NeededService]()
    for one in (*_started(sources), *_driven(_needed(sources, packages))):
        found.setdefault(one.kind, one)
    return tuple(found.values())


def _started(sources: Sources) -> Iterator[NeededService]:
    for name in sources.contents.files:
        if _PLACES.fullmatch(name):
            for number, line in sources.lines(name):
                image = _IMAGE.match(line)
                if image and (kind := _IMAGES.get(image["image"].casefold())):
                    yield NeededService(kind, Evidence(name, number, f"starts {image['image']}"))


def _needed(sources: Sources, packages: Iterable[NamedPackage]) -> Iterator[NamedPackage]:
    """The packages that the app needs to run: no extra, and nothing for its development."""
    required = frozenset(_names(setup_lists(sources).get("install_requires")))
    needed = {
        "package.json": set(table(sources.package_json, "dependencies")),
        "pyproject.toml": {
            *map(normalised, table(sources.pyproject, "tool", "poetry", "dependencies")),
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


def _driven(packages: Iterable[NamedPackage]) -> Iterator[NeededService]:
    for package in packages:
        for kind, pattern in _DRIVERS.items():
            if re.fullmatch(pattern, package.name):
                because = package.because
                names = Evidence(because.file, because.line, f"names its driver {package.name}")
                yield NeededService(kind, names)
