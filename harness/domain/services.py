"""A service beside the app: a database, a cache."""

from dataclasses import dataclass

from harness.domain.setting import MOST, setting

MOST_SERVICES = 8


@dataclass(frozen=True, slots=True)
class Service:
    """One service, started fresh in the sandbox of whatever needs it: the judged app, the project's
    tests and commands, an implementer. `{data}` in an argument stands for a folder of its own."""

    # fmt: off
    name: str = setting(
        "", "Its name, and its folder's: small letters, digits and hyphens.",
        example='"db"', required=True,
    )
    start: tuple[str, ...] = setting(
        (), "The command that starts it, in front and not as a daemon.",
        example='["redis-server", "--dir", "{data}", "--save", ""]', required=True,
    )
    ready: tuple[str, ...] = setting(
        (), "A command that ends with 0 once it is ready; empty: it is ready at once.",
        example='["redis-cli", "ping"]',
    )
    ready_seconds: int = setting(
        30, "How long it may take until then.",
        example="60", unit="seconds", least=1, most=MOST,
    )
    prepare: tuple[str, ...] = setting(
        (), "A command that makes its data, once before the first start.",
        example='["/usr/lib/postgresql/15/bin/initdb", "-D", "{data}/pg", "-U", "app"]',
    )
    setup: tuple[str, ...] = setting(
        (), "A command that is run once after the first start, for users and databases.",
        example='["/usr/lib/postgresql/15/bin/createdb", "-h", "127.0.0.1", "-U", "app", "shop"]',
    )
    # fmt: on
