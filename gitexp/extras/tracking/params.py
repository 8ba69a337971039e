"""The params of a project's files, for a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from gitexp import errors, files
from gitexp.project.project import Project, read_inside


class Params(Mapping[str, Any]):
    """Params by name; the names are attributes too. Below, a mapping is `Params` again.

    params = gitexp.params()
    params.train.lr == params["train"]["lr"] == params["train.lr"]
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> Any:
        if name in self._values:
            return _seen(self._values[name])
        found: Any = self._values
        for part in str(name).split("."):
            if not isinstance(found, Mapping) or part not in found:
                raise KeyError(name)
            found = found[part]
        return _seen(found)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # asked for by copy, pickle and the like
            raise AttributeError(name)
        try:
            return self[name]
        except KeyError:
            known = ", ".join(map(str, self._values)) or "none"
            raise AttributeError(f"there is no param {name!r}; those here: {known}") from None

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Params({self._values!r})"

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *(name for name in self._values if isinstance(name, str))]

    def __reduce__(self) -> tuple[type[Params], tuple[Mapping[str, Any]]]:
        return Params, (self._values,)

    def to_dict(self) -> dict[str, Any]:
        """The same as plain dicts."""
        return {name: _plain(value) for name, value in self._values.items()}


def _seen(value: Any) -> Any:
    if isinstance(value, Mapping):
        return Params(value)
    return [_seen(each) for each in value] if isinstance(value, list) else value


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(each) for name, each in value.items()}
    return [_plain(each) for each in value] if isinstance(value, list) else value


def read(file: str | None, here: Path | None) -> Params:
    """The params of all files of a project, or of one; see `gitexp.params`."""
    project = Project.open(here)
    names = project.config.params
    if file is not None:
        wanted = PurePosixPath(file).as_posix()
        if wanted not in names:
            raise ValueError(
                f"{file} is no params file of the project; those are: {', '.join(names) or 'none'}"
            )
        names = (wanted,)
    together: dict[str, Any] = {}
    origin: dict[str, str] = {}
    for name in names:
        text = read_inside(project.repo.root, name)
        if text is None:
            if file is not None:
                raise ValueError(f"{file} cannot be read")
            continue
        _join(together, _parsed(name, text), name, origin)
    return Params(together)


def _parsed(name: str, text: bytes) -> Mapping[str, Any]:
    try:
        tree, complaints = files.parse_params(name, text)
    except errors.FileError as error:
        raise ValueError(error.message) from error
    if complaints:
        raise ValueError(complaints[0])
    return tree


def _join(
    together: dict[str, Any], found: Mapping[str, Any], name: str, origin: dict[str, str], above: str = ""
) -> None:
    """Add the params of a file to those of the files before it."""
    for key, value in found.items():
        place = f"{above}{key}"
        if isinstance(value, dict) and isinstance(together.get(key, {}), dict):
            origin.setdefault(place, name)
            _join(together.setdefault(key, {}), value, name, origin, f"{place}.")
        elif key in together and together[key] != value:
            raise KeyError(
                f"{place} has another value in {origin[place]} than in {name}; "
                f"say which file counts: gitexp.params({name!r})"
            )
        else:
            together[key] = value
            origin[place] = name
