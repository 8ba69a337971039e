"""`wandb.config` and `wandb.summary`: mappings whose keys are attributes too."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any

from gitexp.extras.tracking.plain_values import plain_mapping


class Open(MutableMapping[str, Any]):
    """A mapping whose keys are attributes too. `_values`: what it holds."""

    _values: MutableMapping[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self._values[name]

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(f"there is no {name!r} here") from None

    def __setattr__(self, name: str, value: Any) -> None:
        if name.startswith("_"):
            object.__setattr__(self, name, value)
        else:
            self[name] = value

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)


class WandbConfig(Open):
    """The params of a run; what is set is recorded."""

    def __init__(self, record: Callable[[Mapping[str, Any]], None] = lambda values: None) -> None:
        self._record = record
        self._values: dict[str, Any] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.update({name: value})

    def __delitem__(self, name: str) -> None:
        raise TypeError("a value of the config can be replaced, and not be taken back")

    def update(self, values: Any = (), /, allow_val_change: bool = True, **more: Any) -> None:
        """Set several values: of a mapping, a dataclass or argparse's namespace."""
        given = {**(plain_mapping(values) and _own(values) if values else {}), **more}
        self._values.update(given)
        self._record(given)

    def setdefaults(self, values: Any) -> None:
        """Set the values that are not there yet."""
        self.update({name: value for name, value in _own(values).items() if name not in self._values})

    def as_dict(self) -> dict[str, Any]:
        """The values as a plain dict."""
        return dict(self._values)


def _own(values: Any) -> dict[str, Any]:
    """The values as they were given, by name."""
    if isinstance(values, Mapping):
        return {str(name): value for name, value in values.items()}
    return {name: getattr(values, name) for name in plain_mapping(values)}


class WandbSummary(Open):
    """The values of a run for the table."""

    def __init__(self, values: MutableMapping[str, Any]) -> None:
        self._values = values

    def __setitem__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name]
