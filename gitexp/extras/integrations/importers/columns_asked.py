"""The roles of a sheet's columns: from the user, from the last import of the sheet, or from a question."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from gitexp import errors
from gitexp.cli.kit import consent
from gitexp.cli.kit.terminal import render
from gitexp.extras.integrations.importers.foreign import Importer, Place
from gitexp.extras.integrations.importers.from_sheets.sheets import SHEET
from gitexp.extras.integrations.importers.storing import FACTS
from gitexp.model import Experiment
from gitexp.project.project import Project

_ROLES = "param, metric, name, tags, note, created, skip …"


def with_columns(project: Project, importer: Importer, place: Place, said: Mapping[str, str]) -> Importer:
    """The importer with the roles. Raises UsageError for roles without sense."""
    if importer.columns is None:
        if said:
            raise errors.UsageError(
                f"--column is for sheets, and {importer.title} has none.",
                "Leave it out: its files say it all.",
            )
        return importer
    if not isinstance(place, Path) or not place.is_file():
        return importer
    columns = importer.columns.examples(place)
    kept = {header: role for header, role in _kept(project, place).items() if header in columns}
    known = {**kept, **said}
    if consent.can_ask():
        for header, examples in columns.items():
            if header not in known and not importer.columns.is_telling(header):
                render.say(f"Column '{header}': {', '.join(examples)}")
                known[header] = consent.answer(f"It is a ({_ROLES})", "param")
    return importer.columns.reader(known)


def _kept(project: Project, place: Path) -> dict[str, str]:
    """The roles from the last import of a sheet of this name, read from its runs."""
    latest: Experiment | None = None
    for one in project.store.readable():
        is_of_sheet = str(one.record.imported.get("id", "")).startswith(f"{place.name}/")
        if is_of_sheet and (latest is None or one.record.created >= latest.record.created):
            latest = one
    text = project.store.run_file(latest, FACTS) if latest is not None else None
    sheet = json.loads(text).get(SHEET, {}) if text else {}
    return {str(header): str(role) for header, role in sheet.get("columns", {}).items()}
