"""What a command has said of its run once, through the Python API."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gitexp.files.command_words.masked_arguments import masked_values
from gitexp.files.limits import MAX_BYTES
from gitexp.files.lines import timed_lines
from gitexp.files.parsed import Parsed, within_limits
from gitexp.log_rules import is_tag
from gitexp.named_tuple import NamedTuple
from gitexp.nofollow import Folder
from gitexp.words import cut, shorten

_LONGEST_NOTE = 64 * 1024  # characters; a longer text belongs into a file, by `log_text`
_MOST_TAGS = 1000


class Facts(NamedTuple):
    """What a command has said of its run once.

    Attributes:
        params: params given in code.
        summary: metrics given in code; they count before what the series say.
        kinds: by metric, which value of its series is the experiment's: one of `last`, `best`, `mean`, `min`
            and `max`.
        tags: tags.
        notes: sentences for the record's note.
        warnings: what could not be logged, and what a record does not take.
        mlflow: the run as MLflow knows it, for the record: its ids and times.
    """

    params: dict[str, Any]
    summary: dict[str, Any]
    kinds: dict[str, str]
    tags: list[str]
    notes: list[str]
    warnings: list[str]
    mlflow: dict[str, Any]

    def note_after(self, note: str) -> str:
        """The note of the user with what the command has added."""
        return "\n".join([note, *self.notes] if note else self.notes)

    def tags_after(self, tags: Iterable[str]) -> tuple[str, ...]:
        """The tags of the user with those added by the command."""
        return tuple(dict.fromkeys([*tags, *self.tags]))


NO_FACTS = Facts({}, {}, {}, [], [], [], {})


def read(folder: Folder, names: Sequence[str]) -> Facts:
    """The facts in some files, as far as a record takes them. Raises OSError."""
    facts = Facts({}, {}, {}, [], [], [], {})
    for each in timed_lines.in_order(map(folder.lines, names)):
        _take_in(facts, each.said)
    return _fit_for_a_record(facts)


def _take_in(facts: Facts, said: dict[str, Any]) -> None:
    """Add what one line of a file of facts says; what makes no sense is passed over."""
    mappings = ("params", "summary", "kinds", "mlflow")
    for into, key in zip((facts.params, facts.summary, facts.kinds, facts.mlflow), mappings, strict=True):
        if isinstance(said.get(key), dict):
            into.update(said[key])
    for texts, key in ((facts.tags, "tags"), (facts.notes, "note"), (facts.warnings, "warning")):
        if isinstance(said.get(key), list):
            texts.extend(text for text in said[key] if isinstance(text, str))


def readable_again(name: str, values: Mapping[str, Any]) -> Parsed:
    """The values that can be recorded, in a file that gitexp reads: the largest are left out of too many."""
    tree, complaints = within_limits(name, values)
    sizes = {key: len(json.dumps({key: value}, indent=2)) for key, value in tree.items()}
    total = sum(sizes.values())
    left_out = []
    for key in sorted(sizes, key=sizes.__getitem__, reverse=True):
        if total <= MAX_BYTES:
            break
        total -= sizes[key]
        left_out.append(key)
    if left_out:
        complaints = (*complaints, f"{name}: left out, together over 1 MiB: {shorten(left_out)}")
    return Parsed({key: value for key, value in tree.items() if key not in left_out}, complaints)


def _fit_for_a_record(facts: Facts) -> Facts:
    """The facts without what no record can hold; a warning for each kind left out."""
    given, of_params = masked_values(facts.params)
    numbers, of_summary = masked_values(facts.summary)
    params = readable_again("params given in code", given)
    summary = readable_again("the summary given in code", numbers)
    warnings = [*facts.warnings, *params.complaints, *summary.complaints]
    if masked := [*of_params, *of_summary]:
        warnings.append(f"not stored, it looks like a secret: the value of {shorten(masked)}")
    known = list(dict.fromkeys(map(str.strip, facts.tags)))
    tags = [tag for tag in known if is_tag(tag)][:_MOST_TAGS]
    if wrong := [ascii(cut(tag, 60)) for tag in known if tag not in tags]:
        warnings.append(f"tags left out, none or too many: {shorten(wrong)}")
    note = "\n".join(facts.notes).encode("utf-8", "backslashreplace").decode()
    if len(note) > _LONGEST_NOTE:
        warnings.append(f"the note given in code is cut: it has {len(note):,} characters")
        note = cut(note, _LONGEST_NOTE)
    return facts._replace(
        params=dict(params.tree),
        summary=dict(summary.tree),
        tags=tags,
        notes=note.split("\n") if note else [],
        warnings=warnings,
    )
