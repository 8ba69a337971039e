"""LaTeX formulas as vectors. The one user of ziamath."""

from __future__ import annotations

import warnings
from functools import lru_cache

from gitexp.extras.reports.formulas import UnknownFormula, as_mathml
from gitexp.named_tuple import NamedTuple

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # it reads its fonts in Python's old way
    import ziamath

SIZE = 11.0  # points of the text around it


class FormulaPicture(NamedTuple):
    """A formula as SVG.

    Attributes:
        height: the height in points.
        depth: the part of the height below the baseline, in points.
    """

    svg: bytes
    height: float
    depth: float


@lru_cache(maxsize=512)
def picture(latex: str, *, is_block: bool) -> FormulaPicture:
    """The picture of a formula. Raises UnknownFormula."""
    as_mathml(latex, is_block=is_block)  # only what is known
    try:
        drawn = ziamath.Latex(latex, size=SIZE, inline=not is_block, margin=0.5)
        svg = drawn.svg()
        _, height = drawn.getsize()
        offset = drawn.getyofst()
    except Exception as error:  # of all kinds, in a library that expects correct formulas
        raise UnknownFormula(str(error) or type(error).__name__) from error
    return FormulaPicture(svg.encode(), height + 1.0, max(-offset, 0.0) + 0.5)
