"""The model among the results of an experiment, by its looks, if the user names no path."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from gitexp import errors
from gitexp.catalog.result_files import ResultRules
from gitexp.datasets import run_artifacts
from gitexp.extras.registry.contents import dvc_outputs
from gitexp.extras.registry.contents.model_content import ModelContent
from gitexp.model import Experiment
from gitexp.objects.paths import lies_in, upward
from gitexp.pipeline.lock import LOCK_FILE, read_lock
from gitexp.project import baseline_config
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.git import trees
from gitexp.words import shorten

MLMODEL = "MLmodel"  # the file that MLflow puts into the folder of a model

_RESULTS = ("outs", "plots", "checkpoints")  # keys of gitexp.yaml
_MARKS = (MLMODEL, "saved_model.pb")
_CONFIG = "config.json"  # of transformers, beside the weights
_ENDINGS = frozenset(
    (
        *(".pt", ".pth", ".ckpt", ".safetensors", ".onnx", ".pkl", ".pickle", ".joblib", ".h5", ".hdf5"),
        *(
            ".keras",
            ".tflite",
            ".pb",
            ".gguf",
            ".ggml",
            ".cbm",
            ".ubj",
            ".mlmodel",
            ".bst",
            ".skops",
            ".model",
        ),
    )
)
_NEVER = frozenset(
    (".py", ".md", ".yaml", ".yml", ".toml", ".png", ".svg", ".html", ".log", ".csv", ".ipynb")
)
_WORD = regex(r"(?:^|[^a-z])model(?:$|[^a-z])")


def looks_like_model(path: str) -> bool:
    """Whether a result has a name like a model."""
    name = posixpath.basename(path).lower()
    ending = posixpath.splitext(name)[1]
    if ending in _ENDINGS:
        return True
    return ending not in _NEVER and _WORD.search(name) is not None


def choose(project: Project, experiment: Experiment) -> str:
    """The path of the only model among the results of an experiment.

    Raises UsageError for none and for several.
    """
    found = candidates(project, experiment)
    if len(found) == 1:
        return found[0]
    name = experiment.name
    if not found:
        raise errors.UsageError(
            f"No result of {name} looks like a model.",
            f"Name it by its path: {name}:PATH. A model that a run writes is a result if gitexp.yaml has it "
            "under outs.",
        )
    raise errors.UsageError(
        f"Several results of {name} look like models: {shorten(found)}.",
        f"Name one of them, such as {name}:{found[0]}",
    )


def is_as_before(project: Project, experiment: Experiment, content: ModelContent) -> bool:
    """Whether a model is a file of the code, as it was when the run began, and no result of the run.

    False if nobody can tell: outs in gitexp.yaml, stages and the files of tools are results.
    """
    record = experiment.record
    if record.exit_code is None or record.stages or record.imported or content.is_logged:
        return False
    if not all(file.blob for file in content.files):
        return False
    found = baseline_config.read(project.repo, record.commit, record.project or "", _RESULTS)
    return not (found.trees or found.fault or ResultRules.of(project).among([content.path], record.metrics))


def candidates(project: Project, experiment: Experiment) -> list[str]:
    """The results of an experiment that look like models, sorted. Raises LockError and GitFailed."""
    return models_among(_results(project, experiment))


def models_among(paths: Iterable[str]) -> list[str]:
    """The models among some paths, sorted: files, and folders of MLflow, TensorFlow or transformers."""
    every = sorted(set(paths))
    folders = _folders(every)
    found = dict.fromkeys(folders)
    for path in every:
        if not any(lies_in(path, folder) for folder in folders) and looks_like_model(path):
            found[path] = None
    kept = []
    for path in found:
        if not any(each in found for each in upward(posixpath.dirname(path))):
            kept.append(path)
    return sorted(kept)


def _folders(paths: Sequence[str]) -> list[str]:
    """The models in folders: with an MLmodel, with a SavedModel, or with weights beside a config.json."""
    weights = {posixpath.dirname(path) for path in paths if looks_like_model(path)}
    found = list[str]()
    for path in paths:
        folder, name = posixpath.split(path)
        is_model = name in _MARKS or (name == _CONFIG and folder in weights)
        if folder and is_model:
            found.append(folder)
    return found


def _results(project: Project, experiment: Experiment) -> list[str]:
    """The paths of the results of an experiment, and the names of what its run has logged."""
    record = experiment.record
    found = [each.name for each in run_artifacts.of(project, experiment)]
    if project.repo.resolve(record.baseline) is not None:
        found += trees.differing(project.repo, record.baseline, record.commit)
    folder = record.project or ""
    place = posixpath.join(folder, LOCK_FILE)
    (text,) = project.repo.read_blobs([f"{record.commit}:{place}"])
    lock = read_lock(place, text or b"", folder)
    found += lock.outs
    for stage in lock.stages.values():
        found += [out.path for out in stage.outs]
    found += dvc_outputs.locked(project, record.commit, folder)
    return found
