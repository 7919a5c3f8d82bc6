"""The databases that Datasette serves in `bench/real_fixes.py`: `python fixtures.py FOLDER` writes
FOLDER/fixtures.db and others.

Made by hand for the bugs of the bench: a table with facets, a JSON array and a column that pages
hide, one to sort, one with full-text search, compound and odd keys, a view, and more rows than a
page holds. Beside it stand small databases, for bugs that somebody met in one database and that
were there in all."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Iterable
from pathlib import Path

SCHEMA = """
create table facet_cities (id integer primary key, name text);
create table facetable (
    pk integer primary key, created text, planet_int integer, on_earth integer, state text,
    city integer references facet_cities(id), neighborhood text, tags text
);
create table sortable (pk integer primary key, content text, rank integer, weight real);
create table roadside (pk integer primary key, name text, place text);
create table visits (year integer, number integer, guest text, primary key (year, number));
create table "odd/name, with (signs)" (pk integer primary key, "a column" text);
create table many (pk integer primary key, word text);
create table hidden_notes (pk integer primary key, note text);
create table empty_cells (pk integer primary key, content text);
create table visit_notes (
    pk integer primary key, year integer, number integer, note text, foreign key (year, number) references visits(year, number)
);
create table linked (pk integer primary key, cell integer references empty_cells(pk));
create table residents (pk integer primary key, name text, city integer references facet_cities(id));
create table guestbook (pk integer primary key, name text, said text);
create view tall_rooms as select pk, content, rank from sortable where rank > 10;
create virtual table roadside_fts using fts4 (name, place, content="roadside");
"""
OTHERS = {
    "harbour": ("boats", ("Curlew", "Avocet", "Dunlin")),
    "orchard": ("trees", ("Quince", "Medlar", "Damson")),
}
"""More databases: the one table of each, and what is named in it."""
CITIES = ("San Francisco", "Los Angeles", "Detroit", "Memnonia")
PLACES = (
    ("CA", 1, "Mission", ("pier", "sunny")), ("CA", 1, "Dogpatch", ("pier", "fog")), ("CA", 1, "SOMA", ()),
    ("CA", 1, "Tenderloin", ("fog",)), ("CA", 1, "Bernal Heights", ("fog", "sunny")), ("CA", 1, "Hayes Valley", ()),
    ("CA", 2, "Hollywood", ("sunny",)), ("CA", 2, "Downtown", ("sunny",)), ("CA", 2, "Los Feliz", ()),
    ("CA", 2, "Koreatown", ()), ("MI", 3, "Downtown", ("cold",)), ("MI", 3, "Greektown", ("cold",)),
    ("MI", 3, "Corktown", ()), ("MI", 3, "Mexicantown", ()), ("MC", 4, "Arcadia Planitia", ("cold", "red")),
)  # fmt: skip
ATTRACTIONS = (
    ("The Mystery Spot", "465 Mystery Spot Road"), ("Winchester Mystery House", "525 South Winchester Boulevard"),
    ("Bigfoot Discovery Museum", "5497 Highway 9"), ("Burlingame Museum of Memorabilia", "214 California Drive"),
)  # fmt: skip


def made(folder: Path) -> Path:
    """The databases, as new files in the folder; the path of the first."""
    file = folder / "fixtures.db"
    with sqlite3.connect(file) as database:
        database.executescript(SCHEMA)
        for table, rows in contents().items():
            rows = list(rows)
            holes = ", ".join("?" * len(rows[0]))
            database.executemany(f'insert into "{table}" values ({holes})', rows)
        database.execute(
            "insert into roadside_fts (docid, name, place) select pk, name, place from roadside"
        )
    for name, (table, words) in OTHERS.items():
        with sqlite3.connect(folder / f"{name}.db") as database:
            database.execute(f"create table {table} (pk integer primary key, name text)")
            database.executemany(f"insert into {table} values (?, ?)", enumerate(words, 1))
    return file


def contents() -> dict[str, Iterable[tuple[object, ...]]]:
    """The rows of each table."""
    facets = enumerate(PLACES, 1)
    return {
        "facet_cities": enumerate(CITIES, 1),
        "facetable": (
            (
                pk,
                f"2019-01-{14 + pk % 4:02} 08:00:00",
                int(city != 4),
                int(city != 4),
                state,
                city,
                where,
                json.dumps(tags),
            )
            for pk, (state, city, where, tags) in facets
        ),
        "sortable": ((pk, f"room {pk:03}", pk * 37 % 211, pk * 0.5) for pk in range(1, 201)),
        "roadside": ((pk, *each) for pk, each in enumerate(ATTRACTIONS, 1)),
        "visits": (
            (year, number, f"guest {year}-{number}")
            for year in (2019, 2020)
            for number in (1, 2, 3)
        ),
        "odd/name, with (signs)": ((pk, f"odd {pk}") for pk in (1, 2, 3)),
        "many": ((pk, f"word-{pk:04}") for pk in range(1, 302)),
        "hidden_notes": ((1, "nobody lists this"),),
        "empty_cells": ((1, ""), (2, "full")),
        "visit_notes": ((pk, 2019 + pk % 2, pk, f"note {pk}") for pk in (1, 2, 3)),
        "linked": ((pk, 2 - pk % 2) for pk in range(1, 7)),
        "residents": ((1, "Fay", 3), (2, "Gus", 99)),
        "guestbook": ((1, "Zoe", "hello"),),
    }


if __name__ == "__main__":
    made(Path(sys.argv[1]))
