"""A model in the form of MLflow: a folder with an MLmodel, for `mlflow models serve` and others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gitexp.extras.registry.contents.choosing_models import MLMODEL
from gitexp.extras.registry.handoff import mlflow_loaders, model_forms, recorded_packages
from gitexp.extras.registry.handoff.block_yaml import text_of
from gitexp.extras.registry.handoff.handed_model import HandedModel, HandedOver
from gitexp.extras.registry.handoff.recorded_packages import Requirements
from gitexp.named_tuple import NamedTuple

CODE = "code"
SERVE = "mlflow models serve --model-uri {folder} --env-manager local"

_MLFLOW = "mlflow>=2.16,<4"  # where the experiment had none
_SIGNATURE = ("inputs", "outputs", "params")
_USEFUL = ("numpy", "scipy", "pandas", "joblib", "cloudpickle")
_PROVIDER = "CPUExecutionProvider"
_BACKENDS = ("torch", "tensorflow", "jax")  # of Keras
_NEEDED: Mapping[str, tuple[str, ...]] = {
    model_forms.ONNX: ("onnx", "onnxruntime"),
    model_forms.SKOPS: ("skops", "sklearn"),
}


class _Flavor(NamedTuple):
    """The part of an MLmodel that says how the model is loaded.

    Attributes:
        file: the name of the model's file in the folder.
        python_function: the entries of the flavor that every server uses.
        own: the flavor of the framework, {} for none.
    """

    file: str
    python_function: dict[str, Any]
    own: dict[str, Any]


def write(model: HandedModel, folder: Path) -> HandedOver:
    """Write a model for MLflow. A folder with an MLmodel is taken as it is."""
    if model.form.name == model_forms.MLFLOW:
        model.move(folder)
        text = (folder / MLMODEL).read_text("utf-8", "replace")
        if "python_function" in text:
            return HandedOver([], SERVE)
        return HandedOver(
            [f"its {MLMODEL} has no python_function, which mlflow models serve asks for"], SERVE
        )
    flavor = _flavor(model)
    needed = _requirements(model)
    folder.mkdir(parents=True, exist_ok=True)
    model.move(folder / flavor.file)
    files = {
        MLMODEL: text_of(_mlmodel(model, flavor)),
        "requirements.txt": "\n".join(needed.lines) + "\n",
        "python_env.yaml": text_of(_python_env(model)),
        "conda.yaml": text_of(_conda(model, needed)),
    }
    if not flavor.own:
        files[f"{CODE}/{mlflow_loaders.module_of(model.form.name)}.py"] = mlflow_loaders.text_of(
            model.form.name
        )
    for name, content in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(content, "utf-8", newline="\n")
    for name, code in model.code.files.items():
        (folder / CODE / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / CODE / name).write_bytes(code)
    return HandedOver(needed.remarks, SERVE)


# -- MLmodel ------------------------------------------------------------------------------------------


def _mlmodel(model: HandedModel, flavor: _Flavor) -> dict[str, Any]:
    found: dict[str, Any] = {}
    general: dict[str, Any] = {"env": {"conda": "conda.yaml", "virtualenv": "python_env.yaml"}}
    general |= flavor.python_function
    if model.packages.python:
        general["python_version"] = model.packages.python
    own_code = None
    if model.code.files or not flavor.own:
        own_code = general["code"] = CODE
    found["flavors"] = {"python_function": general}
    for name, entries in flavor.own.items():
        found["flavors"][name] = {"code": own_code, **entries}
    if "mlflow" in model.packages.versions:
        found["mlflow_version"] = model.packages.versions["mlflow"]
    signature = _signature(model.signature)
    if signature:
        found["signature"] = signature
    if model.created:
        found["utc_time_created"] = model.created.replace("T", " ").removesuffix("Z").partition("+")[0]
    found["metadata"] = {
        "gitexp_model": model.name,
        "gitexp_version": model.version,
        "gitexp_experiment": model.experiment,
        "gitexp_commit": model.commit,
        "gitexp_hash": model.hash,
    }
    return found


def _signature(given: Mapping[str, Any]) -> dict[str, Any]:
    """The signature, if it is one of MLflow's: each side is a text of JSON. Lists become such texts."""
    found = dict[str, Any]()
    for name in _SIGNATURE:
        value = given.get(name)
        if isinstance(value, list):
            value = json.dumps(value)
        if isinstance(value, str) and value:
            found[name] = value
    if not found:
        return {}
    return {name: found.get(name) for name in _SIGNATURE}


def _flavor(model: HandedModel) -> _Flavor:
    """The flavor of a model: MLflow's own where it loads such a file, else the generated module."""
    form, ending = model.form, model.place.suffix.lower()
    if form.name == model_forms.PICKLE and form.framework == "sklearn":
        own: dict[str, Any] = {
            "pickled_model": "model.pkl",
            "serialization_format": "pickle",
            "sklearn_version": _version(model, "scikit-learn"),
        }
        general = {"loader_module": "mlflow.sklearn", "model_path": "model.pkl", "predict_fn": "predict"}
        return _Flavor("model.pkl", general, {"sklearn": own})
    if form.name == model_forms.ONNX:
        own = {"data": "model.onnx", "onnx_version": _version(model, "onnx"), "providers": [_PROVIDER]}
        return _Flavor("model.onnx", {"loader_module": "mlflow.onnx", "data": "model.onnx"}, {"onnx": own})
    if form.name in (model_forms.XGBOOST, model_forms.LIGHTGBM):
        return _of_trees(model, ending)
    file = f"model{ending}"
    general = {"loader_module": mlflow_loaders.module_of(form.name), "data": file}
    return _Flavor(file, general, {})


def _of_trees(model: HandedModel, ending: str) -> _Flavor:
    name, short = model.form.name, "xgb"
    if name == model_forms.LIGHTGBM:
        short = "lgb"
    file = f"model{ending}"
    classes = {model_forms.XGBOOST: "xgboost.core.Booster", model_forms.LIGHTGBM: "lightgbm.basic.Booster"}
    own = {"data": file, f"{short}_version": _version(model, name), "model_class": classes[name]}
    if name == model_forms.XGBOOST:
        own["model_format"] = ending.removeprefix(".")
    return _Flavor(file, {"loader_module": f"mlflow.{name}", "data": file}, {name: own})


def _version(model: HandedModel, package: str) -> str | None:
    return model.packages.versions.get(model.packages.package_of(package) or package)


# -- the environment ----------------------------------------------------------------------------------


def _requirements(model: HandedModel) -> Requirements:
    form = model.form
    needed = [*_NEEDED.get(form.name, ()), *form.modules]
    useful = [*_USEFUL, *model.code.imported]
    if form.name == model_forms.KERAS:
        useful += _BACKENDS
    needed = [module for module in dict.fromkeys(needed) if module not in model.code.modules]
    if form.name == model_forms.JOBLIB and "joblib" not in needed:
        needed.append("joblib")
    found = recorded_packages.requirements(model.packages, needed, useful)
    mlflow = _MLFLOW
    if "mlflow" in model.packages.versions:
        mlflow = f"mlflow=={model.packages.versions['mlflow']}"
    return Requirements([mlflow, *found.lines], found.remarks)


def _python_env(model: HandedModel) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if model.packages.python:
        found["python"] = model.packages.python
    return {
        **found,
        "build_dependencies": ["pip", "setuptools", "wheel"],
        "dependencies": ["-r requirements.txt"],
    }


def _conda(model: HandedModel, needed: Requirements) -> dict[str, Any]:
    python = "python"
    if model.packages.python:
        python = f"python={model.packages.python}"
    return {
        "channels": ["conda-forge"],
        "dependencies": [python, "pip", {"pip": list(needed.lines)}],
        "name": "mlflow-env",
    }
