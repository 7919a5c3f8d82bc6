"""Reads the entries about files: a file to upload is made up, a download gets a name, and looks
refer to that name."""

from __future__ import annotations

import re

from validators.domain.journeys.files import LARGEST_SIDE
from validators.domain.journeys.looks import FileHas, FilePart
from validators.domain.journeys.steps import Download, FileMade, Upload
from validators.domain.journeys.values import Template
from validators.language.names import new_name, path
from validators.language.targets import maybe_target_in, target_in, template_in
from validators.language.tree import (
    Items,
    Mapping,
    Node,
    items,
    mapping,
    refusal,
    text,
)

_CONTENTS = ("text", "rows", "picture")
_COUNTED = (FilePart.LINES, FilePart.ROWS)


def upload(line: int, node: Node, place: str) -> Upload:
    """`{label: "Photo", file: {name: …, text: …}}`; `files` for several. Raises JourneyInvalid."""
    fields = mapping(node, "upload")
    target, one, several = (
        target_in(fields, place=place),
        fields.maybe("file"),
        fields.maybe("files"),
    )
    fields.done()
    if (one is None) == (several is None):
        raise refusal(line, "upload needs `file`, or `files` with a list of them, and not both")
    nodes = (one,) if one else items(several, "files") if several else ()
    return Upload(
        line,
        target,
        tuple(file_made(each, f"{place}.files.{index}") for index, each in enumerate(nodes)),
    )


def download(line: int, node: Node, place: str) -> Download:
    """`{link: "Export", as: export}`, or `{open: /export.csv, as: export}`. Raises
    JourneyInvalid."""
    fields = mapping(node, "download")
    opened, target = fields.maybe("open"), maybe_target_in(fields, place=place)
    name = new_name(fields.need("as"))
    fields.done()
    if (opened is None) == (target is None):
        raise refusal(
            line,
            "download needs the element that is clicked for it, like link, or the path to `open`,"
            " one of the two",
        )
    return Download(line, name, target, path(opened, f"{place}.open") if opened else None)


def downloaded(line: int, node: Node, place: str) -> FileHas:
    """`{as: export, contains: "Ada"}` and the like. Raises JourneyInvalid."""
    fields = mapping(node, "downloaded")
    file = new_name(fields.need("as"))
    chosen = fields.one(FilePart)
    fields.done()
    if chosen is None:
        raise refusal(line, f"downloaded needs one of {', '.join(FilePart)}")
    return file_claim(line, file, chosen, place=place)


def file_claim(line: int, file: str, chosen: tuple[str, Node], *, place: str) -> FileHas:
    """The claim about a file in a key and its value. Raises JourneyInvalid."""
    part, value = FilePart(chosen[0]), chosen[1]
    if part is FilePart.ROW:
        return _row(line, file, value, place=place)
    if part is FilePart.LINES and isinstance(value, Items):
        lines = (template_in(each, f"{place}.{part}.{i}") for i, each in enumerate(value.items))
        return FileHas(line, file, part, tuple(lines), exact=True)
    if part in _COUNTED and not re.fullmatch(r"[0-9]{1,6}|.*\{\{.*\}\}.*", text(value, part)):
        raise refusal(line, f"{part} is a whole number")
    return FileHas(line, file, part, (template_in(value, f"{place}.{part}"),))


def _row(line: int, file: str, node: Node, *, place: str) -> FileHas:
    match node:
        case Mapping(entries=entries) if entries:
            cells = tuple(
                template_in(cell, f"{place}.row.{index}") for index, (_, cell) in enumerate(entries)
            )
            return FileHas(
                line, file, FilePart.ROW, cells, tuple(heading for heading, _ in entries)
            )
        case Items(items=(_, *_) as found):
            return FileHas(
                line,
                file,
                FilePart.ROW,
                tuple(template_in(cell, f"{place}.row.{i}") for i, cell in enumerate(found)),
            )
        case _:
            raise refusal(
                line,
                'row is a list of cells, like ["Ada", "4"], or cells by their heading, like {Name:'
                ' "Ada"}',
            )


def file_made(node: Node, place: str, *, folders: bool = False) -> FileMade:
    """A file that the journey makes up; with `folders`, its name may have some. Raises
    JourneyInvalid."""
    fields = mapping(node, "a file")
    name = template_in(fields.need("name"), f"{place}.name")
    chosen = fields.one(_CONTENTS)
    fields.done()
    outside = r"\\|^/|(^|/)\.{0,2}(/|$)" if folders else r"[/\\]"
    if not name.source.strip() or re.search(outside, name.literal if name.literal else "x"):
        raise refusal(
            node.line,
            f"{name.source!r} is not a file's name: letters and a dot, like walk.csv, and no"
            " folder",
        )
    if chosen is None:
        raise refusal(
            node.line,
            "a file needs its `text`, its CSV `rows` (lists of cells) or the size of a `picture`"
            " like 40x30",
        )
    match chosen:
        case "text", value:
            return FileMade(node.line, name, text=template_in(value, f"{place}.text"))
        case "rows", value:
            return FileMade(node.line, name, rows=_rows(value, f"{place}.rows"))
        case _, value:
            return FileMade(node.line, name, picture=_picture(value, name))


def _rows(node: Node, place: str) -> tuple[tuple[Template, ...], ...]:
    return tuple(
        tuple(
            template_in(cell, f"{place}.{at}.{index}")
            for index, cell in enumerate(items(row, "a row"))
        )
        for at, row in enumerate(items(node, "rows"))
    )


def _picture(node: Node, name: Template) -> tuple[int, int]:
    found = re.fullmatch(r"([1-9][0-9]{0,2})x([1-9][0-9]{0,2})", text(node, "picture"))
    sides = (int(found[1]), int(found[2])) if found else (0, 0)
    if not found or max(sides) > LARGEST_SIDE:
        raise refusal(
            node.line, f"picture is width x height in pixels, at most {LARGEST_SIDE}, like 40x30"
        )
    if not name.source.endswith(".png"):
        raise refusal(
            node.line,
            f"a picture is a PNG: call it {name.source.rpartition('.')[0] or name.source}.png",
        )
    return sides
