"""Which of many may be the best; no input or output.

One is left out where another one is better by a one-sided test, at a level divided by the number of the
others. So the true best is left out in one of twenty cases at most: Gupta, Technometrics 7 (1965), with the
level of Bonferroni. That holds as well where each is measured against a few of the others only.
"""

from __future__ import annotations

from collections.abc import Sequence

from gitexp import averages
from gitexp.extras.inference.comparison import LEVEL, Sample, contrast
from gitexp.extras.inference.noise import NoiseFloor

_RIVALS = 2  # groups that each is measured against, and one single run


def may_be_best(
    samples: Sequence[Sample],
    floor: NoiseFloor | None,
    *,
    lowest: bool = False,
    rules_out: Sequence[bool] = (),
) -> list[bool] | None:
    """Whether each sample may have the best mean; None if the noise is unknown.

    A sample without values cannot be the best. `rules_out`: whether each may rule out others (default: all).
    """
    known = [at for at, sample in enumerate(samples) if sample.values]
    if len(known) > 1 and floor is None and all(len(sample.values) < 2 for sample in samples):
        return None
    sign = -1.0 if lowest else 1.0
    signed = [_signed(sample, sign) for sample in samples]
    alpha = (1.0 - LEVEL) / max(len(known) - 1, 1)
    rivals = _rivals(signed, [at for at in known if not rules_out or rules_out[at]])
    found = [False] * len(samples)
    for at in known:
        others = [signed[rival] for rival in rivals if rival != at]
        found[at] = not _is_beaten(signed[at], others, floor, alpha)
    return found


def _is_beaten(sample: Sample, rivals: Sequence[Sample], floor: NoiseFloor | None, alpha: float) -> bool:
    """Whether a rival has a larger mean, by a test at the level alpha."""
    return any(contrast(sample, rival, floor).is_above(alpha) for rival in rivals)


def _signed(sample: Sample, sign: float) -> Sample:
    by_seed = {seed: sign * value for seed, value in sample.by_seed.items()}
    return Sample([sign * value for value in sample.values], by_seed)


def _rivals(samples: Sequence[Sample], known: Sequence[int]) -> list[int]:
    """The numbers of the samples with the highest means: groups, and single runs."""
    best = sorted(known, key=lambda at: -averages.mean(samples[at].values))
    groups = [at for at in best if len(samples[at].values) > 1]
    single = [at for at in best if len(samples[at].values) == 1]
    return [*groups[:_RIVALS], *single[:1]]
