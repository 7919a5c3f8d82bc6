"""`python -m tidebook.deployed`: Tidebook as it runs in an environment. It says how it is at /healthz, and reports its
errors where $SENTRY_DSN is set. `python -m tidebook.deployed seed` makes the data of a new environment."""

import os
import sys
from pathlib import Path

from flask import Flask
from waitress import serve

from tidebook import app, seed, store

NAME = "environment"


def deployed() -> Flask:
    """The app with its health, over the data of its environment."""
    if os.environ.get("SENTRY_DSN"):
        import sentry_sdk

        # The address, the release and the environment are in variables that the SDK reads.
        sentry_sdk.init()
    found = app.create_app()
    found.add_url_rule("/healthz", view_func=healthz)
    return found


def healthz() -> dict[str, object]:
    """How it is, where, and which commit. The name is from the data: a staging on production's data would say so."""
    name = Path(os.environ["TIDEBOOK_DATA"]) / NAME
    return {
        "ok": app.db().execute("PRAGMA user_version").fetchone()[0] == len(store.MIGRATIONS),
        "environment": name.read_text("utf-8") if name.exists() else "",
        "commit": os.environ.get("FACTORY_COMMIT", ""),
    }


def main() -> None:
    """Serve on 127.0.0.1 at $PORT, or seed."""
    if sys.argv[1:] == ["seed"]:
        seed.main()
        (Path(os.environ["TIDEBOOK_DATA"]) / NAME).write_text(os.environ.get("FACTORY_ENVIRONMENT", ""), "utf-8")
        return
    serve(deployed(), host="127.0.0.1", port=int(os.environ["PORT"]), threads=4, ident=None)


if __name__ == "__main__":
    main()
