"""A file of an experiment as a page shows it: by its kind, cut to a size that a page can bear."""

from __future__ import annotations

import base64
import binascii
import csv
import io
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from gitexp import plugins
from gitexp.cli.kit.output import printable
from gitexp.extras.web.contents import highlighting, log_document
from gitexp.extras.web.contents.run_files import FoundFile
from gitexp.files import jsonable
from gitexp.files.tables.delimited import SEPARATORS

Document = dict[str, Any]

IMAGES = {
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".jpeg": "image/jpeg",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".bmp": "image/bmp",
    ".svg": "image/svg+xml",
}
SOUNDS = {".wav": "audio/wav", ".mp3": "audio/mpeg", ".ogg": "audio/ogg", ".flac": "audio/flac"}
# The types that a browser is told; all else is bytes, to be saved.
TYPES = {**IMAGES, **SOUNDS, ".pdf": "application/pdf"}

_MOST_TEXT = 256 * 1024  # bytes
_MOST_NOTEBOOK = 4 * 1024 * 1024
_MOST_INSIDE = 1024 * 1024  # bytes of an image that is put into the document
_MOST_ROWS, _MOST_COLUMNS, _LONGEST_CELL = 200, 50, 300
_MOST_CELLS, _MOST_OUTPUTS = 200, 10


def preview(file: FoundFile, *, inside: bool) -> Document:
    """The preview of a file: `kind`, and the fields of the kind; `cut` for an incomplete preview.

    `inside`: `data:` addresses for pictures and sounds, for pages without a server. Kinds: image, sound, pdf,
    table, json, markdown, notebook, text (with colours), bytes. Raises GitexpError and OSError.
    """
    ending = PurePosixPath(file.path).suffix.lower()
    document: Document = {"path": file.path, "size": file.size}
    if ending in IMAGES:
        return {**document, "kind": "image", **_media(file, IMAGES[ending], inside=inside)}
    if ending in SOUNDS:
        return {**document, "kind": "sound", **_media(file, SOUNDS[ending], inside=inside)}
    if ending == ".pdf":
        return {**document, "kind": "pdf"}
    most = _MOST_TEXT
    if ending == ".ipynb":
        most = _MOST_NOTEBOOK
    data = file.head(most)
    document["cut"] = file.size > len(data)
    text = _text(data)
    if text is None:
        return {**document, "kind": "bytes", "start": data[:256].hex(" ")}
    if ending in SEPARATORS:
        return {**document, **_table(text, SEPARATORS[ending], is_cut=document["cut"])}
    if ending == ".ipynb" and not document["cut"]:
        found = _notebook(text)
        if found is not None:
            return {**document, **found}
    if ending == ".json" and not document["cut"]:
        text = _indented(text)
    if ending in (".md", ".markdown"):
        return {**document, "kind": "markdown", "html": _html(text)}
    return {**document, "kind": "text", "lines": highlighting.lines(text, file.path)}


def _media(file: FoundFile, kind: str, *, inside: bool) -> Document:
    if not inside:
        return {}
    if file.size > _MOST_INSIDE:
        return {"left_out": True}
    return {"src": _data_url(kind, file.head(_MOST_INSIDE))}


def _data_url(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def _html(markdown: str) -> str:
    """The HTML of a Markdown text."""
    made: str = plugins.load("preview", "markdown")(markdown)
    return made


def _text(data: bytes) -> str | None:
    """The text of a file; None for a binary file. An incomplete last character is left out."""
    if b"\0" in data:
        return None
    for end in (len(data), len(data) - 1, len(data) - 2, len(data) - 3):
        try:
            return data[: max(end, 0)].decode("utf-8-sig").replace("\r\n", "\n")
        except UnicodeDecodeError:
            continue
    return None


def _table(text: str, separator: str, *, is_cut: bool) -> Document:
    """The first rows and columns of a table."""
    lines = text.split("\n")
    if is_cut:
        lines.pop()  # it may not be whole
    rows = list[list[str]]()
    more, widest = is_cut, 0
    try:
        for row in csv.reader(io.StringIO("\n".join(lines)), delimiter=separator):
            widest = max(widest, len(row))
            if len(rows) > _MOST_ROWS:
                more = True
                break
            rows.append([cell[:_LONGEST_CELL] for cell in row[:_MOST_COLUMNS]])
    except csv.Error:  # such as a cell of more than 128 KB
        return {"kind": "text", "lines": highlighting.plain_lines(text)}
    head = list[str]()
    if rows:
        head = rows.pop(0)
    return {"kind": "table", "head": head, "rows": rows, "cut": more, "columns": widest}


def _indented(text: str) -> str:
    """JSON with a line for each value; any other text unchanged."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


# -- notebooks ----------------------------------------------------------------------------------------


def _notebook(text: str) -> Document | None:
    """The cells of a notebook; None for an invalid notebook."""
    try:
        found = json.loads(text)
        cells = found["cells"]
        language = str(found.get("metadata", {}).get("language_info", {}).get("name", "python"))
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(cells, list):
        return None
    shown = [_cell(cell, language) for cell in cells[:_MOST_CELLS] if isinstance(cell, dict)]
    return {"kind": "notebook", "cells": shown, "cut": len(cells) > _MOST_CELLS}


def _cell(cell: Mapping[str, Any], language: str) -> Document:
    source = _joined(cell.get("source"))
    if cell.get("cell_type") == "markdown":
        return {"kind": "markdown", "html": _html(source)}
    ending = ".txt"
    if language in ("python", "ipython"):
        ending = ".py"
    outputs = cell.get("outputs")
    if not isinstance(outputs, list):
        outputs = []
    told = list[Document]()
    for output in outputs[:_MOST_OUTPUTS]:
        if isinstance(output, dict):
            told += _output(output)
    number = cell.get("execution_count")
    if not isinstance(number, int):
        number = None
    return {
        "kind": "code",
        "number": number,
        "lines": highlighting.lines(source, f"cell{ending}"),
        "outputs": told,
    }


def _output(output: Mapping[str, Any]) -> Iterable[Document]:
    """Yield the picture or the text of an output. HTML and scripts of a notebook are never shown."""
    if "text" in output:
        yield _output_text(_joined(output["text"]))
        return
    if isinstance(output.get("traceback"), list):
        yield _output_text("\n".join(map(str, output["traceback"])))
        return
    data = output.get("data")
    if not isinstance(data, dict):
        return
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            try:
                content = base64.b64decode(_joined(data[kind]), validate=False)
            except (binascii.Error, ValueError):
                continue
            yield {"kind": "image", "src": _data_url(kind, content)}
            return
    if "text/plain" in data:
        yield _output_text(_joined(data["text/plain"]))


def _output_text(text: str) -> Document:
    lines = printable(text[:_MOST_TEXT].encode("utf-8", "replace"), colors=True)
    return {"kind": "text", "lines": [log_document.spans(line) for line in lines[:500]]}


def _joined(source: Any) -> str:
    """The text of a cell: one text, or a list of lines."""
    if isinstance(source, list):
        return "".join(map(str, source))
    if source is None:
        return ""
    return str(jsonable(source))
