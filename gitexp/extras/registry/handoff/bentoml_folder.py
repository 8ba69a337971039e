"""A model in the form that `bentoml models import` takes: an archive of its file and a model.yaml."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gitexp.extras.registry.handoff import mlflow_folder, model_forms
from gitexp.extras.registry.handoff.block_yaml import text_of
from gitexp.extras.registry.handoff.handed_model import HandedModel, HandedOver
from gitexp.folders import remove_folder
from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

_BENTOML = "1.4.0"  # where the experiment had none
_PYTHON = "3.12"
_LONGEST = 63  # characters of a name, and of a version
_LABEL = regex(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


class _Module(NamedTuple):
    """The part of BentoML that loads a model.

    Attributes:
        name: the module.
        framework: the name of its framework for people.
        file: the file or folder that it looks for.
        method: the method that predicts.
        version: of its form of files.
    """

    name: str
    framework: str
    file: str
    method: str
    version: str = "v1"


_SKLEARN = _Module("bentoml.sklearn", "scikit-learn", "saved_model.pkl", "predict")
_ONNX = _Module("bentoml.onnx", "onnx", "saved_model.onnx", "run", "v2")
_MLFLOW = _Module("bentoml.mlflow", "mlflow", "mlflow_model", "predict")


def write(model: HandedModel, folder: Path) -> HandedOver:
    """Write a model for BentoML: for its scikit-learn and ONNX modules, else as a model of MLflow."""
    module = _module_of(model)
    remarks: Sequence[str] = ()
    loose = folder / "loose"
    loose.mkdir(parents=True)
    if module is _MLFLOW:
        remarks = mlflow_folder.write(model, loose / module.file).remarks
    else:
        model.move(loose / module.file)
    (loose / "model.yaml").write_text(text_of(_description(model, module)), "utf-8", newline="\n")
    archive = f"{_word(model.name)}-{_word(model.version)}.bentomodel"
    _pack(loose, folder / archive)
    remove_folder(loose)
    return HandedOver(remarks, f"bentoml models import {{path}}/{archive}")


def _pack(folder: Path, archive: Path) -> None:
    """Write the content of a folder as the archive that BentoML exports: the same content, the same bytes."""
    with tarfile.open(archive, "w:xz", preset=0) as opened:
        for path in sorted(folder.rglob("*")):
            opened.add(path, str(path.relative_to(folder)), recursive=False, filter=_plain)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """An entry without owner and time."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def _module_of(model: HandedModel) -> _Module:
    """The part of BentoML for a model. MLflow's form alone takes the experiment's own code along."""
    form = model.form
    if form.name == model_forms.ONNX:
        return _ONNX
    is_pickle = form.name in (model_forms.PICKLE, model_forms.JOBLIB)
    if is_pickle and form.framework == "sklearn" and not model.code.files:
        return _SKLEARN
    return _MLFLOW


def _description(model: HandedModel, module: _Module) -> dict[str, Any]:
    versions = {}
    package = model.packages.package_of(module.framework)
    if package:
        versions[module.framework] = model.packages.versions[package]
    return {
        "name": _word(model.name),
        "version": _word(model.version),
        "module": module.name,
        "labels": _labels(model),
        "options": {},
        "metadata": {"gitexp_commit": model.commit, "gitexp_hash": model.hash},
        "context": {
            "framework_name": module.framework,
            "framework_versions": versions,
            "bentoml_version": model.packages.versions.get("bentoml", _BENTOML),
            "python_version": model.packages.python or _PYTHON,
        },
        "signatures": {module.method: {"batchable": False}},
        "api_version": module.version,
        "creation_time": model.created.replace("Z", "+00:00") or "1970-01-01T00:00:00+00:00",
    }


def _labels(model: HandedModel) -> dict[str, str]:
    """The labels that BentoML takes: words of few characters."""
    found = {"gitexp-experiment": model.experiment, "gitexp-version": model.version}
    return {key: value for key, value in found.items() if _LABEL.fullmatch(value)}


def _word(text: str) -> str:
    """A name or version as BentoML has them: small letters, digits, `.`, `_` and `-`."""
    return re.sub(r"[^a-z0-9._-]+", "-", text.lower())[:_LONGEST].strip("-._")
