"""The writer of a run's series: a call of `log` is one line of JSON, in a few microseconds.

Training logs the same names again and again. So all of a line but its numbers is made once for each set of
names, and a call fills in the numbers, and writes.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping, Sequence
from json import dumps
from time import time
from typing import Any
from weakref import WeakSet

from gitexp.extras.tracking.lines import LineFile
from gitexp.extras.tracking.numbers import is_on_device, json_text, number, whole_step
from gitexp.log_rules import LONGEST_STEP, STEP, TIME
from gitexp.named_tuple import NamedTuple

_MOST_KNOWN = 200_000  # names in the sets of names that are known at a time
MOST_NAMES = 100_000  # different names of a process; more are a mistake, such as a step in a name
_LARGE = 2**63
_MOST_WAITING = 16  # lines with values on a GPU, before these are read
_LONGEST_WAIT = 1.0  # seconds


class _Shape:
    """The line of one set of names.

    Attributes:
        names: the names.
        line: the line with a place for each number.
        step: the step of the last line.
        values: the values of the last line.
    """

    __slots__ = ("line", "names", "step", "values")

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names
        self.step = -1
        self.values: Sequence[str] = ()
        keys = "".join(f",{dumps(name)}:\0" for name in names).replace("%", "%%").replace("\0", "%s")
        self.line = f'{{"{STEP}":%d,"{TIME}":%.3f{keys}}}\n'


class _Waiting(NamedTuple):
    """A line with values that are still on a GPU."""

    step: int
    time: float
    shape: _Shape
    values: list[Any]


class SeriesWriter:
    """Writes the points of a run's series.

    Without a step, a call counts on from the last step of its names: names logged in calls of their
    own have the same steps as if they were logged together. `last_steps` are those of a run before, by name.
    """

    def __init__(self, file: LineFile, last_steps: Mapping[str, int] | None = None) -> None:
        self._file = file
        self._shapes: dict[tuple[str, ...], _Shape] = {}
        self._steps: dict[str, int] = dict(last_steps or {})
        self._known = 0  # the names in all shapes, and the shapes
        self._recent: _Shape | None = None
        self._waiting: list[_Waiting] = []
        self._lock = threading.RLock()  # a handler of a signal may log in the midst of a call
        _writers.add(self)

    def log(self, values: Mapping[str, Any], step: int | None = None, at: float | None = None) -> None:
        """Write a point; `at` is its time. Raises TypeError for a value that is no number, naming its key.

        And for a step that is no integer, and ValueError for one that is too large.
        """
        with self._lock:
            shape = self._shapes.get(tuple(values)) or self._new_shape(values)
            if shape is None:
                self._file.lose(f"more than {MOST_NAMES:,} different names of metrics")
                return
            texts = []
            for value in values.values():
                kind = type(value)
                if (kind is float and value - value == 0.0) or (kind is int and -_LARGE < value < _LARGE):
                    texts.append(repr(value))  # neither NaN nor infinite
                elif is_on_device(value):
                    self._put_off(shape, values, step)
                    return
                else:
                    texts.append(json_text(shape.names[len(texts)], value))
            if self._waiting:
                self._read_waiting()
            if shape is self._recent and step is None:
                shape.step += 1
            else:
                self._count(shape, step)
            shape.values = texts
            line = shape.line % (shape.step, time() if at is None else at, *texts)
            self._file.write(line.encode())

    def _new_shape(self, values: Mapping[str, Any]) -> _Shape | None:
        """The shape of new names; None if there are too many names."""
        _require_mapping(values)
        names = tuple(values)
        for name in names:
            if type(name) is not str or not name:
                raise TypeError(f"the name of a metric must be a text, and not {name!r}")
            if name in (STEP, TIME):
                raise TypeError(f"a metric cannot be called {name}: that is the step or the time of a line")
        new = [name for name in names if name not in self._steps]
        if len(self._steps) + len(new) > MOST_NAMES:
            return None
        self._steps.update(dict.fromkeys(new, -1))
        if self._known + len(names) > _MOST_KNOWN:
            self._write_down_steps()
            self._shapes.clear()
            self._known = 0
        self._known += 1 + len(names)
        shape = self._shapes[names] = _Shape(names)
        return shape

    def _count(self, shape: _Shape, step: int | None) -> None:
        """Give a shape its next step. Raises TypeError and ValueError for what is no step, with no change."""
        if step is not None and (type(step) is not int or not -LONGEST_STEP < step < LONGEST_STEP):
            step = whole_step(step)
        self._write_down_steps()
        if step is None:
            step = 1 + max((self._steps.get(name, -1) for name in shape.names), default=-1)
        shape.step = step
        self._recent = shape
        for name in shape.names:
            self._steps[name] = step

    def _write_down_steps(self) -> None:
        if self._recent is not None:
            for name in self._recent.names:
                self._steps[name] = self._recent.step

    def last_values(self) -> dict[str, float]:
        """The last value of each name logged of late."""
        with self._lock:
            self._read_waiting()
            found: dict[str, float] = {}
            for shape in sorted(self._shapes.values(), key=lambda shape: shape.step):
                for name, text in zip(shape.names, shape.values, strict=False):
                    found[name] = float(text.strip('"'))
            return found

    # -- values on a GPU --------------------------------------------------------------------------

    def _put_off(self, shape: _Shape, values: Mapping[str, Any], step: int | None) -> None:
        """Keep a line until several can be read together: each reading waits for the GPU."""
        kept = []
        for name, value in values.items():
            kept.append(value.detach().clone() if is_on_device(value) else number(name, value))
        self._count(shape, step)
        self._waiting.append(_Waiting(shape.step, time(), shape, kept))
        if len(self._waiting) >= _MOST_WAITING or time() - self._waiting[0].time > _LONGEST_WAIT:
            self._read_waiting()

    def _read_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for line in waiting:
            texts = []
            for name, value in zip(line.shape.names, line.values, strict=True):
                texts.append(json_text(name, value))
            line.shape.values = texts
            self._file.write((line.shape.line % (line.step, line.time, *texts)).encode())

    def begin_in_child(self) -> None:
        """Go on in a process that was just forked: what waits is the parent's, and so may the lock be."""
        self._lock = threading.RLock()
        self._waiting = []

    def flush(self) -> None:
        """Write what still waits."""
        with self._lock:
            self._read_waiting()

    def close(self) -> None:
        """Write what still waits, and close the file."""
        self.flush()
        self._file.close()


def _require_mapping(values: object) -> None:
    if not isinstance(values, Mapping):
        kind = type(values).__name__
        raise TypeError(f"log takes names with their numbers, log({{'loss': 0.5}}), and no {kind}")


_writers: WeakSet[SeriesWriter] = WeakSet()


def _begin_in_child() -> None:
    for writer in list(_writers):
        writer.begin_in_child()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_begin_in_child)
