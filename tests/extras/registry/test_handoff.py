"""Models of experiments, handed to real servers: MLflow, BentoML, ONNX Runtime."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import urllib.request
import zipfile
import zlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from benchmarks import peers
from gitexp import errors
from gitexp.extras.registry.handoff import block_yaml, model_forms, recorded_packages
from gitexp.extras.registry.handoff.model_forms import ModelForm
from gitexp.extras.registry.handoff.pickle_names import names_in
from tests.support.mlflow import environment, free_port, wait_for, warm_mlflow
from tests.support.workspace import Workspace

_CODE = Path(__file__).parent / "serving"


def asked(port: int, document: Any) -> Any:
    """The answer of a server to a document."""
    body = json.dumps(document).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/invocations", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=30) as answer:
        return json.load(answer)


@pytest.fixture
def digits(repo: Workspace) -> Workspace:
    """A repository with models of digits: `digits` in prod, `near` and `tree`."""
    python = peers.SERVING.python
    if python is None or peers.MLFLOW.python is None:
        pytest.skip("MLflow or BentoML is not installed: python -m benchmarks.peers serving mlflow")
    repo.allow("refs", "refs/tags/*")
    for name in ("train.py", "features.py", "numbers_of_images.py"):
        repo.write(name, (_CODE / name).read_text("utf-8"))
    repo.write("gitexp.yaml", "outs: [models, answers.json]\n")
    repo.write(".gitignore", "models\nanswers.json\n__pycache__\n")
    repo.commit()
    repo.writes("answers.json", "models/*")
    repo.gitexp("run", "-q", "-n", "one", "--", str(python), "-B", "train.py")
    for path, name in (("digits.pkl", "digits"), ("near.joblib", "near"), ("tree.onnx", "tree")):
        repo.gitexp("model", "register", f"one:models/{path}", name)
    repo.gitexp("model", "promote", "digits@latest", "prod")
    return repo


@pytest.mark.timeout(400)
def test_models_of_digits_answer_in_real_servers(digits: Workspace, tmp_path: Path) -> None:
    out = tmp_path / "out"
    expected = json.loads(digits.read("answers.json"))
    for name in ("digits", "near", "tree"):
        for form in ("bentoml", "docker-context", "onnx-folder", "mlflow"):
            if (name, form) != ("digits", "mlflow") and (form != "onnx-folder" or name == "tree"):
                done = digits.json("model", "export", name, "--as", form, "-o", f"{out}/{name}-{form}")
                assert (done["version"], done["as"]) == ("v0.0.1", form)
    digits.gitexp("remove", "--yes", "one")  # the tag has it all
    done = digits.json("model", "export", "digits#prod", "--as", "mlflow", "-o", f"{out}/digits-mlflow")
    words = shlex.split(done["next"])
    assert words == shlex.split(f"mlflow models serve --model-uri {out}/digits-mlflow --env-manager local")
    written = (out / "digits-mlflow" / "requirements.txt").read_text("utf-8")
    assert f"mlflow=={peers.MLFLOW_VERSION}" in written.split()
    assert "scikit-learn==" in written
    port, log = free_port(), tmp_path / "server.log"
    served = environment(PATH=f"{peers.MLFLOW.programs}{os.pathsep}{os.environ['PATH']}")
    with warm_mlflow().running(["-m", *words, "--port", str(port)], tmp_path, served, log):
        wait_for(f"http://127.0.0.1:{port}/ping", log)
        env = environment(BENTOML_HOME=str(tmp_path / "home"), BENTOML_DO_NOT_TRACK="true")
        said = subprocess.run(
            [peers.SERVING.programs / "python", _CODE / "ask.py", out],
            cwd=digits.path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert said.returncode == 0, said.stderr
        assert asked(port, {"inputs": expected["images"]}) == {"predictions": expected["digits"]}
    of_model = {"pickle": "digits", "joblib": "near", "onnx": "tree"}
    answers = json.loads(said.stdout.splitlines()[-1])
    assert len(answers) == 7
    for name, answer in answers.items():
        assert answer == expected[of_model[name.split()[-1]]], name
    dockerfile = (out / "digits-docker-context" / "Dockerfile").read_text("utf-8")
    command = dockerfile.partition("\nCMD ")[2].replace("\\\n", "")
    assert json.loads(command)[:5] == ["mlflow", "models", "serve", "--model-uri", "model"]
    assert (out / "digits-docker-context" / "model" / "code" / "features.py").is_file()


# -- forms of files -----------------------------------------------------------------------------------


def written(tmp_path: Path, name: str, content: bytes) -> Path:
    place = tmp_path / name
    place.write_bytes(content)
    return place


def pickle_of(*names: str, protocol: int) -> bytes:
    """A pickle that names classes, as their packages' own would, without these packages."""
    head = b"\x80" + bytes([protocol])
    for name in names:
        module, _, attribute = name.rpartition(".")
        if protocol < 4:
            head += f"c{module}\n{attribute}\n".encode() + b"0"
        else:
            for text in (module, attribute):
                head += b"\x8c" + bytes([len(text)]) + text.encode() + b"\x94"
            head += b"\x930"
    return head


@pytest.mark.parametrize("protocol", [2, 5])
def test_a_pickle_is_read_and_never_loaded(tmp_path: Path, protocol: int) -> None:
    content = pickle_of("sklearn.svm._classes.SVC", "numpy.dtype", "features.Own", protocol=protocol)
    assert model_forms.form_of(written(tmp_path, "a.pkl", content + b".")) == ModelForm(
        "pickle", "sklearn", ("sklearn", "features")
    )
    packed = zlib.compress(pickle_of("xgboost.sklearn.XGBClassifier", protocol=protocol))
    assert model_forms.form_of(written(tmp_path, "a.joblib", packed)) == ModelForm(
        "joblib", "xgboost", ("xgboost",)
    )
    hostile = pickle_of("os.system", protocol=protocol) + b"\x8c\x04echo\x85R."
    with pytest.raises(errors.UsageError):
        model_forms.form_of(written(tmp_path, "b.pkl", hostile))
    with pytest.raises(errors.UsageError, match="__main__"):
        model_forms.form_of(
            written(
                tmp_path, "c.pkl", pickle_of("sklearn.pipeline.Pipeline", "__main__.Own", protocol=protocol)
            )
        )


def test_names_behind_the_arrays_of_joblib() -> None:
    content = pickle_of("sklearn.pipeline.Pipeline", "joblib.numpy_pickle.NumpyArrayWrapper", protocol=4)
    content += b"\x07" + bytes(range(7)) * 9 + pickle_of("features.Own", protocol=4)[2:]
    assert names_in(content)[-1] == "features.Own"


@pytest.mark.parametrize(
    ("name", "content", "form"),
    [
        ("a.txt", b"tree\nversion=v4\n", "lightgbm"),
        ("a.json", b'{"learner":{"attributes":{}}}', "xgboost"),
        ("a.ubj", b"{L", "xgboost"),
        ("a.keras", b"PK", "keras"),
        ("a.skops", b"PK", "skops"),
    ],
)
def test_forms_by_ending_and_content(tmp_path: Path, name: str, content: bytes, form: str) -> None:
    assert model_forms.form_of(written(tmp_path, name, content)).name == form


def test_archives_of_pytorch(tmp_path: Path) -> None:
    for name, inner in (("script.pt", "net/constants.pkl"), ("weights.pt", "net/data.pkl")):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr(inner, pickle_of("collections.OrderedDict", protocol=2) + b".")
    assert model_forms.form_of(tmp_path / "script.pt").name == "torchscript"
    with pytest.raises(errors.UsageError, match=r"has collections.OrderedDict: the code of the network"):
        model_forms.form_of(tmp_path / "weights.pt")


@pytest.mark.parametrize("name", ["a.csv", "a.pkl", "a.pt", "a.gz"])
def test_files_that_are_no_model(tmp_path: Path, name: str) -> None:
    for content in (b"", b"a,b\n1,2\n", b"\x1f\x8b\x08\x00", b"\x80\x04"):
        with pytest.raises(errors.UsageError):
            model_forms.form_of(written(tmp_path, name, content))


def test_requirements_are_those_of_the_record() -> None:
    found = recorded_packages.parse(
        '# python 3.12.4\n# direct {"name": "Own_Lib", "url": "file:///x"}\n'
        "scikit-learn==1.5.0\ntorch==2.5.1+cpu\nnumpy==2.0.0\nown-lib==1.0\nbad==1; import os\n"
    )
    assert found.python == "3.12.4"
    lines, remarks = recorded_packages.requirements(
        found, ["sklearn", "torch", "own_lib", "odd"], ["numpy", "scipy"]
    )
    assert lines == ["scikit-learn==1.5.0", "torch==2.5.1", "own-lib", "odd", "numpy==2.0.0"]
    assert len(remarks) == 2
    assert recorded_packages.parse("# python 3.12; rm -rf /\n").python == ""


def test_yaml_of_other_tools_reads_as_the_values() -> None:
    tree = {
        "a": {"b": None, "c": ["x", {"pip": ["a==1", "no"]}, {}], "d": {}},
        "e": [],
        "f: g": "- h\n",
        "i": "1",
    }
    assert yaml.safe_load(block_yaml.text_of(tree)) == tree


# -- the folder ---------------------------------------------------------------------------------------


@pytest.fixture
def text_model(repo: Workspace) -> Workspace:
    """A repository with the model `clf`, of LightGBM."""
    repo.allow("refs", "refs/tags/*")
    repo.write("model.txt", "tree\nversion=v4\n")
    repo.write("gitexp.yaml", "outs: [model.txt]\n")
    repo.write(".gitignore", "model.txt\n")
    repo.commit()
    repo.gitexp("save", "-q", "-n", "one")
    repo.gitexp("model", "register", "-q", "one:model.txt", "clf")
    return repo


def test_files_of_others_are_never_replaced(text_model: Workspace, tmp_path: Path) -> None:
    words = ("model", "export", "clf", "--as", "mlflow", "-o", str(tmp_path / "out"))
    text_model.gitexp(*words, "-q")
    mark = json.loads((tmp_path / "out" / "gitexp.json").read_text("utf-8"))
    assert sorted(mark["files"]) == [
        "MLmodel",
        "conda.yaml",
        "model.txt",
        "python_env.yaml",
        "requirements.txt",
    ]
    assert "earlier export" in text_model.gitexp(*words, check=False).stderr
    text_model.gitexp(*words, "-q", "--force")
    (tmp_path / "out" / "mine.txt").write_text("mine")
    assert "mine.txt" in text_model.gitexp(*words, "--force", check=False).stderr
    assert (tmp_path / "out" / "mine.txt").read_text() == "mine"
    for place in (text_model.path, text_model.path / ".git" / "x", text_model.path / "train.py"):
        done = text_model.gitexp(*words[:-1], str(place), "--force", check=False)
        assert (done.exit_code, done.stdout) == (2, "")
    done = text_model.gitexp(*words[:-1], str(tmp_path / "new"), "--as", "onnx-folder", check=False)
    assert "onnxmltools.convert_lightgbm" in done.stderr
    done = text_model.gitexp(*words[:-1], str(tmp_path / "new"), "--as", "sagemaker", check=False)
    assert "bentoml, onnx-folder" in done.stderr
    assert sorted(path.name for path in tmp_path.iterdir() if "out" in path.name or "new" in path.name) == [
        "out"
    ]
