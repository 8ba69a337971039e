"""Names of experiments by template: `lr={train.lr}` with the params filled in."""

from __future__ import annotations

import itertools
import json
import os
import re
from collections.abc import Callable, Iterable, Iterator

from gitexp import errors, files
from gitexp.model import Experiment, Files, Value
from gitexp.regex import regex
from gitexp.repo.experiments import Store, check_name
from gitexp.repo.git.repository import Repository
from gitexp.words import did_you_mean

_FIELD = regex(r"\{([^{}]*)\}")
_ILLEGAL = regex(r"[^A-Za-z0-9._-]+")
_AUTOMATIC = regex(r"exp-[0-9a-f]{5,12}")  # no branch has such a name
_LONGEST = 63  # characters of a name
_MOST = 10_000  # experiments of one name, and of that with a number


def to_try(store: Store, name: str, template: str, params: Files) -> Iterator[str]:
    """The names to try in turn for a new experiment; "" means an automatic name.

    `name` alone if given, else the names of the template. Raises UnknownParam for a key without a
    param, InvalidName if the template leaves no name.
    """
    if name or not template:
        return iter([name])
    return numbered(filled(template, params), store.names())


def create(names: Iterable[str], make: Callable[[str], Experiment]) -> Experiment:
    """The experiment that `make` creates under the first free name; raises NameTaken."""
    taken: errors.NameTaken | None = None
    for name in names:
        try:
            return make(name)
        except errors.NameTaken as error:
            taken = error
    assert taken is not None  # there is at least one name
    raise taken


def filled(template: str, params: Files) -> str:
    """The name that a template gives: `{key}` becomes the value, `lr=0.1` becomes `lr-0.1`.

    Each run of characters forbidden in names becomes one dash. Raises UnknownParam, InvalidName.
    """
    flat = files.flatten_files(params)

    def value_of(field: re.Match[str]) -> str:
        key = field[1].strip()
        if key not in flat:
            raise _unknown(key, list(flat))
        return _text(flat[key])

    name = _ILLEGAL.sub("-", _FIELD.sub(value_of, template))
    name = re.sub(r"\.{2,}", ".", name).lstrip("._-")[:_LONGEST]
    while name != (shorter := name.rstrip(".-").removesuffix(".lock")):
        name = shorter
    try:
        check_name(name)
    except errors.InvalidName as error:
        raise errors.InvalidName(
            f"The template `{template}` gives '{name}', which cannot be the name of an experiment.",
            error.hint,
        ) from error
    return name


def namesakes(repo: Repository, name: str) -> list[str]:
    """The full names of a branch and a tag with the name of an experiment, if any."""
    if _AUTOMATIC.fullmatch(name):
        return []
    return existing(repo, f"refs/heads/{name}", f"refs/tags/{name}")


def existing(repo: Repository, *names: str) -> list[str]:
    """The refs with exactly one of some full names."""
    found = []
    for (ref,) in repo.refs(*names, fields=("refname",)):
        name = os.fsdecode(ref)
        if name in names:
            found.append(name)
    return found


def _text(value: Value) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(files.jsonable(value), ensure_ascii=False)


def numbered(name: str, taken: Iterable[str]) -> Iterator[str]:
    """A name, then `name-2`, `name-3` and so on, without taken names (compared without case)."""
    lower = set(map(str.lower, taken))
    for number in itertools.islice(itertools.count(1), _MOST):
        ending = f"-{number}" if number > 1 else ""
        candidate = name[: _LONGEST - len(ending)] + ending
        if candidate.lower() not in lower:
            yield candidate


def _unknown(key: str, keys: list[str]) -> errors.GitexpError:
    return errors.GitexpError(
        f"The name template asks for `{key}`, and there is no such param.",
        did_you_mean(key, keys, f"There are: {', '.join(keys[:12]) or 'none'}."),
        code="unknown-param",
    )
