import sqlite3

import click
from flask import current_app, g


def get_db():
    if "db" not in g:
        g.db = sqlite3.connect(f"{current_app.config['DATA']}/blog.sqlite")
        g.db.row_factory = sqlite3.Row
    return g.db


def close_db(error=None) -> None:
    if (db := g.pop("db", None)) is not None:
        db.close()


def init_db() -> None:
    with current_app.open_resource("schema.sql") as schema:
        get_db().executescript(schema.read().decode("utf-8"))


@click.command("init-db")
def init_db_command() -> None:
    """Make the tables where there are none."""
    init_db()
    click.echo("The tables are there.")


def init_app(app) -> None:
    app.teardown_appcontext(close_db)
    app.cli.add_command(init_db_command)
