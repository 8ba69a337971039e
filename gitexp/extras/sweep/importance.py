"""The importance of the params of a sweep, for its first objective; no input or output."""

from __future__ import annotations

from collections.abc import Sequence

from gitexp.extras.sweep.spaces.space import Axis, AxisKind
from gitexp.extras.sweep.trials import KnownPoint
from gitexp.views import importance


def simple(axes: Sequence[Axis], known: Sequence[KnownPoint]) -> dict[str, float]:
    """The share of each param in the differences of the first objective; {} if no param has one."""
    results = [one.results[0] for one in known if one.results is not None]
    params = dict[str, list[float | str | None]]()
    for at, axis in enumerate(axes):
        values = params.setdefault(axis.key, [])
        for one in known:
            if one.results is not None:
                text = one.point[at]
                values.append(text if axis.kind is AxisKind.CHOICE else float(text))
    return importance.simple(params, results)
