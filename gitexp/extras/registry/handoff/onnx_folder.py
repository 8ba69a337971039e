"""An ONNX model in the layout of a model repository of Triton: NAME/VERSION/model.onnx, and a config."""

from __future__ import annotations

from pathlib import Path

from gitexp import errors
from gitexp.extras.registry.handoff import model_forms
from gitexp.extras.registry.handoff.handed_model import HandedModel, HandedOver

_VERSION = "1"  # Triton counts versions of a model itself; the export has one
_CONVERTERS = {
    "sklearn": "skl2onnx.to_onnx(model, X[:1])",
    "torch": 'torch.onnx.export(model, example, "model.onnx")',
    "keras": 'model.export("model.onnx", format="onnx")',
    "xgboost": "onnxmltools.convert_xgboost(model, initial_types=...)",
    "lightgbm": "onnxmltools.convert_lightgbm(model, initial_types=...)",
    "catboost": 'model.save_model("model.onnx", format="onnx")',
}


def write(model: HandedModel, folder: Path) -> HandedOver:
    """Write an ONNX model. Raises UsageError for another model, with a way to convert it."""
    if model.form.name != model_forms.ONNX:
        raise _no_onnx(model)
    name = model.name.replace("/", "-").replace(":", "-")
    model.move(folder / name / _VERSION / "model.onnx")
    config = f'name: "{name}"\nplatform: "onnxruntime_onnx"\n'
    (folder / name / "config.pbtxt").write_text(config, "utf-8", newline="\n")
    return HandedOver([], "tritonserver --model-repository={folder}")


def _no_onnx(model: HandedModel) -> errors.UsageError:
    kind = model.form.framework or "MLflow"
    how = _CONVERTERS.get(
        model.form.framework, "the framework's own converter, or --as mlflow serves it as it is"
    )
    return errors.UsageError(
        f"{model.name}@{model.version} is a model of {kind}, and no ONNX file.",
        f"Convert it in the run, and register the .onnx file: {how}",
    )
