"""What real MLflow, BentoML and ONNX Runtime make of exported models: their answers, as JSON."""

import json
import sys
from pathlib import Path

import bentoml
import mlflow
import numpy
import onnxruntime

exports = Path(sys.argv[1]).resolve()  # BentoML takes no other path
images = numpy.asarray(json.loads(Path("answers.json").read_text("utf-8"))["images"], dtype="float32")


def loaded(name):
    return mlflow.pyfunc.load_model(str(exports / name))


def taken(name):
    (archive,) = (exports / name).glob("*.bentomodel")
    return bentoml.models.import_model(str(archive))


triton = onnxruntime.InferenceSession(str(exports / "tree-onnx-folder" / "tree" / "1" / "model.onnx"))
found = {
    "mlflow joblib": loaded("near-mlflow").predict(images),
    "mlflow onnx": loaded("tree-mlflow").predict(images)["output_label"],
    "docker pickle": loaded("digits-docker-context/model").predict(images),
    "triton onnx": triton.run(None, {"X": images})[0],
    "bentoml pickle": bentoml.mlflow.load_model(taken("digits-bentoml")).predict(images),
    "bentoml joblib": bentoml.sklearn.load_model(taken("near-bentoml")).predict(images),
    "bentoml onnx": bentoml.onnx.load_model(taken("tree-bentoml")).run(None, {"X": images})[0],
}
print(json.dumps({name: numpy.asarray(answer).tolist() for name, answer in found.items()}))
