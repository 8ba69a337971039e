"""The Python and the packages that an experiment had, for whoever loads its model later."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence

from gitexp.named_tuple import NamedTuple
from gitexp.project.project import Project
from gitexp.regex import regex
from gitexp.repo.experiments import RUN_FOLDER
from gitexp.views import environments

_FILE = f"{RUN_FOLDER}/environment.txt"
_NAME = regex(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.ASCII | re.IGNORECASE)
_VERSION = regex(r"[0-9][A-Za-z0-9.!]*", re.ASCII)
_PYTHON = regex(r"3\.[0-9]{1,2}(\.[0-9]{1,3})?", re.ASCII)
# The packages of a module that has another name; of several, the recorded one.
_PACKAGES: Mapping[str, tuple[str, ...]] = {
    "sklearn": ("scikit-learn",),
    "imblearn": ("imbalanced-learn",),
    "skimage": ("scikit-image",),
    "xgboost": ("xgboost", "xgboost-cpu"),
    "onnxruntime": ("onnxruntime", "onnxruntime-gpu"),
    "tensorflow": ("tensorflow", "tensorflow-cpu"),
    "umap": ("umap-learn",),
    "cv2": ("opencv-python-headless", "opencv-python"),
    "PIL": ("pillow",),
    "yaml": ("pyyaml",),
    "dateutil": ("python-dateutil",),
    "bs4": ("beautifulsoup4",),
}


class RecordedPackages(NamedTuple):
    """The packages of an experiment.

    Attributes:
        python: the version of Python; "" if nobody noted it.
        versions: the version of each package, by its normal name; {} if nobody noted them.
        elsewhere: packages from no index: a Git repository, a folder.
    """

    python: str = ""
    versions: Mapping[str, str] = {}
    elsewhere: frozenset[str] = frozenset()

    def package_of(self, module: str) -> str:
        """The recorded package of a module; "" for none."""
        for name in _PACKAGES.get(module, (module,)):
            if normal(name) in self.versions:
                return normal(name)
        return ""


class Requirements(NamedTuple):
    """The lines of a requirements file.

    Attributes:
        lines: one for each package.
        remarks: a sentence for each package without a version.
    """

    lines: Sequence[str]
    remarks: Sequence[str] = ()


def of_commit(project: Project, commit: str) -> RecordedPackages:
    """The packages of the experiment in a commit; none if the commit has no record of them."""
    (content,) = project.repo.read_blobs([f"{commit}:{_FILE}"])
    return parse((content or b"").decode("utf-8", "replace"))


def parse(text: str) -> RecordedPackages:
    """The packages in an environment.txt, without unreadable lines: a record may be anybody's."""
    found = dict[str, str]()
    for name, version in environments.packages_in(text).items():
        plain = version.partition("+")[0]  # no index has the version 2.5.1+cpu
        if name != "python" and _NAME.fullmatch(name) and _VERSION.fullmatch(plain):
            found[normal(name)] = plain
    python = environments.packages_in(text).get("python", "")
    if _PYTHON.fullmatch(python) is None:
        python = ""
    return RecordedPackages(python, found, frozenset(_direct(environments.lines_of(text))))


def _direct(lines: Iterable[tuple[str, str]]) -> Iterable[str]:
    """Yield the names of packages from no index."""
    for key, value in lines:
        if key != "direct":
            continue
        try:
            found = json.loads(value)
        except (ValueError, RecursionError):
            continue
        if isinstance(found, dict) and isinstance(found.get("name"), str):
            yield normal(found["name"])


def requirements(found: RecordedPackages, needed: Iterable[str], useful: Iterable[str] = ()) -> Requirements:
    """The requirements for some modules: those that are needed, and useful ones as far as recorded."""
    lines, remarks = dict[str, str](), list[str]()
    for module in needed:
        name = found.package_of(module)
        if name in found.elsewhere:
            remarks.append(f"{name} was installed from no index: say in requirements.txt where it comes from")
        elif not name:
            name = _PACKAGES.get(module, (module,))[0]
            if _NAME.fullmatch(name) is None:
                continue
            remarks.append(f"nobody noted the version of {name}: its requirement has none")
        lines[name] = _line(found, name)
    for module in useful:
        name = found.package_of(module)
        if name and name not in found.elsewhere:
            lines[name] = _line(found, name)
    return Requirements(list(lines.values()), remarks)


def _line(found: RecordedPackages, name: str) -> str:
    version = found.versions.get(name)
    if version is None or name in found.elsewhere:
        return name
    return f"{name}=={version}"


def normal(name: str) -> str:
    """The name of a package in PyPI's normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()
