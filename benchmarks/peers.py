"""The tools of others, each in a virtual environment of its own, with the versions of its constraints file.

Heavy packages stay out of the developer's environment this way. `python -m benchmarks.peers` installs all of
them, as `make test` does; `python -m benchmarks.peers mlflow` installs one.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
import venv
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from benchmarks import installing

DVC_VERSION = "3.67.1"
MLFLOW_VERSION = "3.17.2"

_ROOT = Path(__file__).parent.parent


class Peer(NamedTuple):
    """An environment with the packages of one tool.

    Attributes:
        name: the name of its folder below `.bench`, and of its constraints file.
        packages: what is asked for; what these depend on is chosen by `make lock`.
        with_gitexp: whether gitexp itself is installed there, editable.
    """

    name: str
    packages: tuple[str, ...]
    with_gitexp: bool = False

    @property
    def constraints(self) -> Path:
        """The file with the locked versions."""
        return _ROOT / f"constraints-{self.name.partition('-')[0]}.txt"

    @property
    def home(self) -> Path:
        """The folder of the environment."""
        return _ROOT / ".bench" / self.name

    @property
    def programs(self) -> Path:
        """The folder of its programs, python among them."""
        return self.home / ("Scripts" if sys.platform == "win32" else "bin")

    @property
    def python(self) -> Path | None:
        """The environment's interpreter; None where `install` has not been run."""
        return self.programs / "python" if self._mark.exists() else None

    @property
    def _mark(self) -> Path:
        """Made last: an installation that was interrupted is begun again. It says what was installed."""
        return self.home / ".complete"

    def wanted_packages(self) -> tuple[str, ...]:
        """All that the environment asks for, with what gitexp needs itself."""
        if not self.with_gitexp:
            return self.packages
        project = tomllib.loads((_ROOT / "pyproject.toml").read_text("utf-8"))
        own = [*project["build-system"]["requires"], "editables", *project["project"]["dependencies"]]
        return (*self.packages, *own)

    def _wanted(self) -> str:
        text = self.constraints.read_text("utf-8")
        if self.with_gitexp:  # its dependencies and entry points are written down when it is installed
            text += (_ROOT / "pyproject.toml").read_text("utf-8")
        return text

    def install(self) -> Path:
        """The environment's folder of programs, installed from the package index if it is not there."""
        wanted = self._wanted()
        if self._mark.exists():
            if self._mark.read_text("utf-8") == wanted:
                return self.programs
        else:
            shutil.rmtree(self.home, ignore_errors=True)
            venv.create(self.home)
        print(f"installing {self.name} …", file=sys.stderr)
        own = ("--editable", ".") if self.with_gitexp else ()
        words = [*self.packages, *own]
        if not installing.by_uv(self.programs / "python", self.constraints.name, words):
            venv.create(self.home, with_pip=True)
            installing.by_pip(self.programs / "python", self.constraints.name, words)
        self._mark.write_text(wanted, "utf-8")
        return self.programs


DVC = Peer(f"dvc-{DVC_VERSION}", (f"dvc=={DVC_VERSION}", "dvclive"))
# graphene: MLflow takes any version, and its UI works with the third alone. pytest: the checks run there.
# Coverage: what they run counts. LightGBM: its autologging is tested.
MLFLOW = Peer(
    f"mlflow-{MLFLOW_VERSION}",
    (
        f"mlflow=={MLFLOW_VERSION}",
        "scikit-learn",
        "lightgbm",
        "graphene>=3",
        "hyperopt",
        "hydra-core",
        "pytest",
        "coverage",
    ),
    with_gitexp=True,
)
# Each for its callback; PyTorch is what Keras computes with too, and xgboost-cpu does without what GPUs need.
FRAMEWORKS = Peer(
    "frameworks",
    (
        *("torch", "keras", "lightning", "transformers", "accelerate", "xgboost-cpu", "lightgbm"),
        *("scikit-learn", "optuna"),
    ),
    with_gitexp=True,
)
# Each writes the files that an importer reads, or reads those that an exporter writes.
# Sacred asks setuptools which packages are here, and Guild asks pip.
SOURCES = Peer("sources", ("wandb", "tensorboardX", "tensorboard", "trackio", "sacred", "setuptools<81"))
# What validates a crate; `rocrate` has the context of JSON-LD, which the validator would ask the network for.
CRATES = Peer("crates", ("roc-validator", "rocrate"))
# What writes such files too, with packages that do not go together with those.
TRACKERS = Peer("trackers", ("mlflow==1.30.1", "setuptools<81", "pip", "guildai>=0.9", "dagshub"))
# Aim, whose storage its own library alone can read: gitexp runs there.
AIM = Peer("aim", ("aim", "pytest", "coverage"), with_gitexp=True)
# What serves exported models, or reads them: for those that MLflow's own environment cannot load.
SERVING = Peer(
    "serving",
    ("bentoml", f"mlflow=={MLFLOW_VERSION}", "scikit-learn", "onnx", "onnxruntime", "skl2onnx"),
)
PEERS: Mapping[str, Peer] = {
    "dvc": DVC,
    "mlflow": MLFLOW,
    "frameworks": FRAMEWORKS,
    "sources": SOURCES,
    "crates": CRATES,
    "trackers": TRACKERS,
    "aim": AIM,
    "serving": SERVING,
}


def installed() -> Path | None:
    """The `dvc` program, or None where DVC is not installed."""
    return None if DVC.python is None else DVC.programs / "dvc"


def install() -> Path:
    """The `dvc` program, installed if it is not there yet: about a minute."""
    return DVC.install() / "dvc"


def main(names: list[str]) -> int:
    """Install the environments of `names`, all if there are none; 1 where one of them cannot be had.

    `--names` prints the names of all, and `--packages NAME` what one asks for: for `make lock`.
    """
    if names == ["--names"]:
        print(*PEERS)
        return 0
    if names[:1] == ["--packages"]:
        print(*PEERS[names[1]].wanted_packages(), sep="\n")
        return 0
    failed = 0
    for name in names or PEERS:
        try:
            PEERS[name].install()
        except (OSError, subprocess.SubprocessError) as error:
            print(f"{name} is not there, the tests that need it are left out: {error}", file=sys.stderr)
            failed = 1
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
