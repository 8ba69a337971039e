"""Thinned out curves of ended runs, kept in memory: they never change, and to read them takes long."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from gitexp.named_tuple import NamedTuple

_MOST_POINTS = 400_000  # about 40 MB

Curves = Mapping[str, dict[str, Any]]  # by metric


class _CurvesKey(NamedTuple):
    """The key of kept curves: the id of the record, and the largest number of points of a curve."""

    record: str
    most: int


class KeptCurves:
    """A cache of the curves requested last. Safe for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._kept: OrderedDict[_CurvesKey, Curves] = OrderedDict()
        self._points = 0

    def get(self, record: str, most: int) -> Curves | None:
        """The curves of a run; None if not in the cache."""
        key = _CurvesKey(record, most)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
            return self._kept.get(key)

    def put(self, record: str, most: int, curves: Curves) -> None:
        """Keep the curves of a run, and drop the least recently used curves."""
        key = _CurvesKey(record, most)
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = curves
            self._points += _points_of(curves)
            while self._points > _MOST_POINTS and len(self._kept) > 1:
                _, gone = self._kept.popitem(last=False)
                self._points -= _points_of(gone)


def _points_of(curves: Curves) -> int:
    return sum(len(curve["values"]) for curve in curves.values())
