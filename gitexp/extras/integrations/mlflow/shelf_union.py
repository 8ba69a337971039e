"""Two shelves as one: what two clones have said of MLflow's experiments and registered models.

What only one side has changed since both were the same is as that side has it. What both have changed is as
the later one has it. A registered version is never lost: where both have made a version of the same number,
the one made later gets the next free number, and its aliases with it.

The result is the same whichever side is called `mine`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any

from gitexp.extras.integrations.mlflow.shelf import ALIASES_SET, REGISTERED, Things
from gitexp.named_tuple import NamedTuple

_MADE = ("created", "source", "run", "model")  # what never changes of a version


class United(NamedTuple):
    """The merged shelf of two clones.

    Attributes:
        things: the things on the merged shelf.
        renumbered: a sentence for each version with a new number.
    """

    things: Things
    renumbered: list[str]


def unite(base: Things, mine: Things, theirs: Things) -> United:
    """The merged things of two shelves; `base`: the things of their common ancestor, {} without one."""
    things: Things = {}
    renumbered: list[str] = []
    for path in sorted({*mine, *theirs}):
        before = base.get(path)
        sides = [side[path] for side in (mine, theirs) if path in side]
        if len(sides) == 1:
            if before is None or sides[0] != before:  # new, or changed by the side that has kept it
                things[path] = sides[0]
        elif path.startswith(REGISTERED):
            things[path] = _registered(before or {}, sides[0], sides[1], renumbered)
        else:
            things[path] = _both(before or {}, sides[0], sides[1])
    return United(things, renumbered)


def _both(base: dict[str, Any], one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    """The merged state of a thing on both sides."""
    early, late = sorted((one, other), key=_when)
    return _merged(base, early, late)


def _when(thing: Mapping[str, Any]) -> tuple[int, str]:
    """The sort key: the time of the last change, then the content, for a fixed order of equal times."""
    updated = thing.get("updated")
    return (updated if isinstance(updated, int) else 0, json.dumps(thing, sort_keys=True))


def _merged(base: Mapping[str, Any], early: Mapping[str, Any], late: Mapping[str, Any]) -> dict[str, Any]:
    """The merged entries of two maps. If both changed an entry, the later map wins, but never deletes."""
    found: dict[str, Any] = {}
    for key in sorted({*early, *late}):
        if key in early and key in late:
            found[key] = _entry(base, key, early[key], late[key])
            continue
        value = early.get(key, late.get(key))
        if key not in base or base[key] != value:
            found[key] = value
    return found


def _entry(base: Mapping[str, Any], key: str, early: Any, late: Any) -> Any:
    """The merged value of an entry in both maps."""
    if isinstance(early, dict) and isinstance(late, dict):
        before = base.get(key)
        if not isinstance(before, dict):
            before = {}
        if "updated" in early and "updated" in late:  # a thing, for example a version
            return _both(before, early, late)
        return _merged(before, early, late)
    if isinstance(early, list) and isinstance(late, list):
        return [*early, *(each for each in late if each not in early)]
    if key in base and late == base[key]:
        return early
    return late


# -- registered models --------------------------------------------------------------------------------


def _registered(
    base: dict[str, Any], one: dict[str, Any], other: dict[str, Any], renumbered: list[str]
) -> dict[str, Any]:
    """The merged state of a registered model on both sides."""
    one, other = _apart(one, other, renumbered)
    early, late = sorted((one, other), key=_when)
    found = _merged({**base, "aliases": {}}, early, late)
    found["aliases"], found[ALIASES_SET] = _aliases(base, one, other)
    for alias, number in list(found["aliases"].items()):
        if number not in found["versions"]:
            del found["aliases"][alias]
    return found


def _apart(
    one: dict[str, Any], other: dict[str, Any], renumbered: list[str]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Both sides, with a number of its own for each version."""
    sides = (_copy(one), _copy(other))
    numbers = [_numbers(side) for side in sides]
    for made in numbers[0].keys() & numbers[1].keys():  # one side has renumbered it before
        last = max((numbers[0][made], numbers[1][made]), key=int)
        for side, known in zip(sides, numbers, strict=True):
            if known[made] != last and last not in side["versions"]:
                _renumber(side, known[made], last)
    taken = {*sides[0]["versions"], *sides[1]["versions"]}
    for number in sorted({*sides[0]["versions"]} & {*sides[1]["versions"]}, key=int):
        versions = [side["versions"][number] for side in sides]
        if _made(versions[0]) == _made(versions[1]):
            continue
        later = 1 if _when_made(versions[1]) > _when_made(versions[0]) else 0
        new = str(1 + max(map(int, taken)))
        taken.add(new)
        _renumber(sides[later], number, new)
        renumbered.append(
            f"two versions {number} of {one['name']} were made: the later one is version {new} now"
        )
    return sides


def _renumber(side: dict[str, Any], number: str, new: str) -> None:
    side["versions"][new] = side["versions"].pop(number)
    for alias, of in side["aliases"].items():
        if of == number:
            side["aliases"][alias] = new


def _numbers(side: Mapping[str, Any]) -> dict[str, str]:
    """The number of each version by its constant facts; ambiguous facts are left out."""
    known = [(_made(version), number) for number, version in side["versions"].items()]
    times = Counter(made for made, _ in known)
    return {made: number for made, number in known if times[made] == 1}


def _copy(thing: dict[str, Any]) -> dict[str, Any]:
    return {**thing, "versions": dict(thing["versions"]), "aliases": dict(thing["aliases"])}


def _made(version: Mapping[str, Any]) -> str:
    """The constant facts about a version."""
    return json.dumps([version.get(name) for name in _MADE])


def _when_made(version: Mapping[str, Any]) -> tuple[int, str]:
    created = version.get("created")
    return (created if isinstance(created, int) else 0, json.dumps(version, sort_keys=True))


def _aliases(
    base: Mapping[str, Any], one: Mapping[str, Any], other: Mapping[str, Any]
) -> tuple[dict[str, str], dict[str, int]]:
    """The merged aliases, each by its last change on either side, and the times of the changes."""
    found: dict[str, str] = {}
    times: dict[str, int] = {}
    for alias in sorted({*one["aliases"], *other["aliases"], *_times(one), *_times(other)}):
        early, late = sorted((one, other), key=lambda side: (_set_at(side, alias), _when(side)))
        number = late["aliases"].get(alias)
        was_known = alias in _times(late) or alias in base.get("aliases", {})
        if number is None and not was_known:  # the later side has never heard of it
            number = early["aliases"].get(alias)
        if number is not None:
            found[alias] = number
        if at := max(_times(one).get(alias, 0), _times(other).get(alias, 0)):
            times[alias] = at
    return found, times


def _times(side: Mapping[str, Any]) -> dict[str, int]:
    found = side.get(ALIASES_SET)
    return found if isinstance(found, dict) else {}


def _set_at(side: Mapping[str, Any], alias: str) -> int:
    """The time of the last change of an alias on a side; if unknown, of the last change of the model."""
    if alias in _times(side):
        return _times(side)[alias]
    return _when(side)[0] if alias in side["aliases"] else 0
