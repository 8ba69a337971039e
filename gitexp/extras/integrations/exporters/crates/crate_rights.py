"""The licence and the authors of a repository, as its own files state them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gitexp import errors, files
from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.regex import regex

_LICENCES = ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE", "LICENCE.md", "LICENCE.txt", "COPYING")
_PYPROJECT, _CITATION = "pyproject.toml", "CITATION.cff"
_SPDX = regex(r"[A-Za-z0-9][A-Za-z0-9.+-]{1,60}")


class Author(NamedTuple):
    """A person. `orcid`: the URL at ORCID; "" if nobody noted one."""

    name: str
    orcid: str = ""
    affiliation: str = ""


class Rights(NamedTuple):
    """The facts for the top of a crate.

    Attributes:
        title: the title of the work; "" for none.
        licence: the short name at SPDX, such as `MIT`; "" for none.
        licence_file: the name of the file with the licence; "" for none.
        text: the content of that file.
        authors: the authors.
    """

    title: str = ""
    licence: str = ""
    licence_file: str = ""
    text: bytes = b""
    authors: tuple[Author, ...] = ()


def rights_of(project: Project, commit: str) -> Rights:
    """The licence and authors in a commit: LICENSE, CITATION.cff and pyproject.toml."""
    names = [*_LICENCES, _CITATION, _PYPROJECT]
    contents = dict(zip(names, project.repo.read_blobs([f"{commit}:{name}" for name in names]), strict=True))
    found = Rights()
    for name in _LICENCES:
        text = contents[name]
        if text is not None and not found.licence_file:
            found = found._replace(licence_file=name, text=text)
    citation = _tree(_CITATION, contents[_CITATION])
    packaged = _tree(_PYPROJECT, contents[_PYPROJECT]).get("project")
    if not isinstance(packaged, Mapping):
        packaged = {}
    licence = _spdx(citation.get("license")) or _spdx(packaged.get("license"))
    authors = _cited(citation.get("authors")) or _packaged(packaged.get("authors"))
    return found._replace(title=_text(citation.get("title")), licence=licence, authors=authors)


def _tree(name: str, text: bytes | None) -> Mapping[str, Any]:
    """The values of a file; {} for a missing or unreadable one."""
    if text is None:
        return {}
    try:
        return files.parse(name.replace(".cff", ".yaml"), text)
    except errors.FileError:
        return {}


def _spdx(value: object) -> str:
    if isinstance(value, Mapping):
        value = value.get("text")
    if isinstance(value, str) and _SPDX.fullmatch(value):
        return value
    return ""


def _cited(value: object) -> tuple[Author, ...]:
    """The authors of a CITATION.cff."""
    found = []
    for one in _maps(value):
        parts = [_text(one.get(key)) for key in ("given-names", "name-particle", "family-names")]
        name = " ".join(filter(None, parts)) or _text(one.get("name"))
        if name:
            found.append(Author(name, _text(one.get("orcid")), _text(one.get("affiliation"))))
    return tuple(found)


def _packaged(value: object) -> tuple[Author, ...]:
    """The authors of a pyproject.toml."""
    names = [_text(one.get("name")) for one in _maps(value)]
    return tuple(Author(name) for name in names if name)


def _maps(value: object) -> list[Mapping[str, object]]:
    if not isinstance(value, list):
        return []
    return [one for one in value if isinstance(one, Mapping)]


def _text(value: object) -> str:
    return value.strip() if isinstance(value, str) else ""
