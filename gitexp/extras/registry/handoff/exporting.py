"""A version of a model, exported for a server: a folder that is there whole, or not at all."""

from __future__ import annotations

import json
import os
import secrets
import shlex
from pathlib import Path
from typing import Any

from gitexp import errors, plugins
from gitexp.extras.registry import getting
from gitexp.extras.registry.getting import Got
from gitexp.extras.registry.handoff import model_forms, own_code, recorded_packages
from gitexp.extras.registry.handoff.handed_model import HandedModel, HandedOver
from gitexp.extras.registry.registry import Registry
from gitexp.extras.registry.values import ModelVersion
from gitexp.failpoints import failpoint
from gitexp.folders import clear_away, make_folder, walk_folder
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import OWN_FOLDERS
from gitexp.project.project import Project
from gitexp.words import shorten

KIND = "model exporter"
MARK = "gitexp.json"  # in each export: what it is, and the names of its files

_LARGEST = 1 << 22  # bytes of a mark
_OTHER = "Say another one: -o DIR"


class ExportedModel(NamedTuple):
    """An exported version.

    Attributes:
        version: the version.
        place: the folder.
        hash: the hash of the model.
        remarks: sentences about what the user should know.
        next_step: the command that serves it; "" if unknown.
    """

    version: ModelVersion
    place: Path
    hash: str
    remarks: tuple[str, ...] = ()
    next_step: str = ""


def default_folder(version: ModelVersion, kind: str) -> str:
    """The name of the folder for an export, such as `churn-v1.2.0-mlflow`."""
    name = version.model.replace("/", "-").replace(":", "-")
    return f"{name}-{version.version[:30]}-{kind}"


def export(
    project: Project, registry: Registry, version: ModelVersion, kind: str, place: Path, *, force: bool
) -> ExportedModel:
    """Export a version to a folder that is not there, or is empty; with `force` over an earlier export.

    Raises UsageError, with nothing written, for a folder with other files, and for a model that cannot be
    exported so; and the errors of `getting.locate`.
    """
    exporter = plugins.load(KIND, kind)
    _require_free(project, place, force=force)
    if project.dry_run:
        _, hash_ = getting.locate(project, registry, version)
        return ExportedModel(version, place, hash_)
    make_folder(place.parent)
    staged = place.parent / f".{place.name}.{secrets.token_hex(4)}.part"
    try:
        got = getting.get(project, registry, version, staged / "model")
        model, remarks = _handed(project, registry, got)
        done: HandedOver = exporter(model, staged / "export")
        _mark(staged / "export", model, kind)
        failpoint("model:export-written")
        _bring(staged, place)
        failpoint("model:exported")
    finally:
        clear_away(staged)
    next_step = done.next_step.replace("{folder}", shlex.quote(_shown(project, place)))
    next_step = next_step.replace("{path}", shlex.quote(str(place)))
    return ExportedModel(version, place, got.hash, (*remarks, *done.remarks), next_step)


def _shown(project: Project, place: Path) -> str:
    """A path as the user would write it."""
    if place.is_relative_to(project.here):
        return str(place.relative_to(project.here))
    return str(place)


def _handed(project: Project, registry: Registry, got: Got) -> tuple[HandedModel, list[str]]:
    """The model for an exporter, and sentences about what is not known of it."""
    version, remarks = got.version, list[str]()
    facts = registry.facts_of(version)
    form = model_forms.form_of(got.place)
    packages = recorded_packages.of_commit(project, version.commit)
    if not packages.versions and form.name != model_forms.MLFLOW:
        remarks.append(f"{version.label} has no record of its packages: the requirements have no versions")
    code = own_code.OwnCode({})
    unknown = [module for module in form.modules[1:] if not packages.package_of(module)]
    if not packages.package_of(form.framework) and form.name in (model_forms.PICKLE, model_forms.JOBLIB):
        unknown.append(form.framework)
    if unknown:
        code = own_code.find(project, version.commit, unknown)
    registration = version.registration
    model = HandedModel(
        name=version.model,
        version=version.version,
        experiment=facts.experiment,
        commit=version.commit,
        hash=got.hash,
        created=registration.created if registration is not None else "",
        place=got.place,
        form=form,
        signature=facts.signature,
        packages=packages,
        code=code,
    )
    return model, remarks


# -- the folder ---------------------------------------------------------------------------------------


def _require_free(project: Project, place: Path, *, force: bool) -> None:
    """Raise UsageError for a folder of Git's own, a file, and a folder with files of somebody else."""
    if any(part in OWN_FOLDERS for part in place.parts) or place.resolve().is_relative_to(
        project.repo.git_dir
    ):
        raise errors.UsageError(f"{place} is in a folder of Git's own.", _OTHER)
    if not os.path.lexists(place):
        return
    if place.is_symlink() or not place.is_dir():
        raise errors.UsageError(f"{place} is there, and is no folder.", _OTHER)
    present = _files(place)
    if not present and not any(place.iterdir()):
        return
    known = _known(place)
    foreign = sorted(present - known)
    if not known or foreign:
        names = shorten(foreign or sorted(present) or ["folders"])
        raise errors.UsageError(f"{place} has files that are no export: {names}.", _OTHER)
    if not force:
        raise errors.UsageError(
            f"{place} has an earlier export.", "Say --force to replace it, or -o with another folder."
        )


def _known(place: Path) -> set[str]:
    """The files of the export in a folder, by its mark; none without one."""
    mark = place / MARK
    try:
        if mark.is_symlink() or mark.stat().st_size > _LARGEST:
            return set()
        found = json.loads(mark.read_bytes())
    except (OSError, ValueError, RecursionError):
        return set()
    if not isinstance(found, dict) or not isinstance(found.get("files"), list):
        return set()
    return {MARK, *(name for name in found["files"] if isinstance(name, str))}


def _files(place: Path) -> set[str]:
    """The paths of all files in a folder; what Python compiles in a loaded model's code is not counted."""
    found = set()
    for folder in walk_folder(place):
        for name in folder.files:
            path = Path(folder.path, name).relative_to(place)
            if path.parent.name != "__pycache__":
                found.add(path.as_posix())
    return found


def _mark(folder: Path, model: HandedModel, kind: str) -> None:
    """Write the mark of an export into its folder."""
    text: dict[str, Any] = {
        "format": 1,
        "as": kind,
        "model": model.name,
        "version": model.version,
        "experiment": model.experiment,
        "commit": model.commit,
        "hash": model.hash,
        "files": sorted(_files(folder)),
    }
    (folder / MARK).write_text(json.dumps(text, indent=1) + "\n", "utf-8", newline="\n")


def _bring(staged: Path, place: Path) -> None:
    """Move an export to its place, and an earlier one out of the way."""
    if not os.path.lexists(place):
        (staged / "export").rename(place)
        return
    place.rename(staged / "before")
    failpoint("model:export-replaced")
    try:
        (staged / "export").rename(place)
    except OSError:
        (staged / "before").rename(place)
        raise
