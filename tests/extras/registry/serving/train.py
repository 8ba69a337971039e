"""Learns digits, and stores three models: a pickle with a class of the project's own, joblib, ONNX."""

import json
import pickle
from pathlib import Path

import joblib
from features import Halved
from skl2onnx import to_onnx
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.tree import DecisionTreeClassifier

images, digits = load_digits(return_X_y=True)
images = images.astype("float32")
own = make_pipeline(Halved(), DecisionTreeClassifier(max_depth=8, random_state=0)).fit(images, digits)
near = KNeighborsClassifier().fit(images[:200], digits[:200])
tree = DecisionTreeClassifier(max_depth=8, random_state=0).fit(images, digits)
Path("models").mkdir(exist_ok=True)
Path("models/digits.pkl").write_bytes(pickle.dumps(own))
joblib.dump(near, "models/near.joblib")
Path("models/tree.onnx").write_bytes(to_onnx(tree, images[:1]).SerializeToString())
asked = images[300:310]
answers = {"images": asked.tolist()}
for name, model in (("digits", own), ("near", near), ("tree", tree)):
    answers[name] = model.predict(asked).tolist()
Path("answers.json").write_text(json.dumps(answers), "utf-8")
