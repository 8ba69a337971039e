"""Modules that load a model for MLflow, where MLflow itself has no flavor that loads such a file."""

from __future__ import annotations

from collections.abc import Mapping

from gitexp.extras.registry.handoff import model_forms

_TEXT = '''"""Loads the model of this folder for MLflow; gitexp wrote it, and it may be changed."""

{imports}


class Model:
    def __init__(self, path):
        {load}

    def predict(self, data, params=None):
        {predict}


def _load_pyfunc(path):
    return Model(path)
'''
_PREDICT = "return self.model.predict(data)"
# By form: imports, the line that loads, the line that predicts.
_LOADERS: Mapping[str, tuple[str, str, str]] = {
    model_forms.JOBLIB: ("import joblib", "self.model = joblib.load(path)", _PREDICT),
    model_forms.PICKLE: ("import joblib", "self.model = joblib.load(path)", _PREDICT),
    model_forms.SKOPS: ("import skops.io", "self.model = skops.io.load(path, trusted=None)", _PREDICT),
    model_forms.CATBOOST: (
        "import catboost",
        "self.model = catboost.CatBoost().load_model(path)",
        _PREDICT,
    ),
    model_forms.KERAS: (
        "import keras\nimport numpy",
        "self.model = keras.saving.load_model(path, compile=False)",
        "return self.model.predict(numpy.asarray(data), verbose=0)",
    ),
    model_forms.TORCHSCRIPT: (
        "import numpy\nimport torch",
        'self.model = torch.jit.load(path, map_location="cpu").eval()',
        """values = numpy.asarray(data)
        if values.dtype == numpy.float64:
            values = values.astype(numpy.float32)
        with torch.no_grad():
            return self.model(torch.from_numpy(values)).numpy()""",
    ),
}


def module_of(form: str) -> str:
    """The name of the module for a form: two folders with the same module have the same code in it."""
    if form == model_forms.PICKLE:
        form = model_forms.JOBLIB
    return f"gitexp_loads_{form}"


def text_of(form: str) -> str:
    """The code of the module for a form."""
    imports, load, predict = _LOADERS[form]
    return _TEXT.format(imports=imports, load=load, predict=predict)
