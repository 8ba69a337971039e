"""Run by the command's own interpreter: its version and packages in a line of JSON.

gitexp itself uses `code_of` alone.

Given to `python -I -c`, so nothing of the user's is imported, the program reads the names of the folders
left by installers beside each package. importlib.metadata would open a file for each package, and came with
Python 3.8; this works from 3.6 on.
"""

import json
import os
import site
import subprocess
import sys

TYPE_CHECKING = False  # type checkers know the name; importing `typing` takes half of the time of all of this
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    Origins = list[tuple[str, dict[str, Any]]]  # the names of packages, each with its direct_url.json


def folders() -> "list[str]":
    """Where the command would look for packages: -I keeps PYTHONPATH and the user's own off sys.path."""
    found = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    own_environment = sys.prefix != sys.base_prefix
    if not own_environment and not os.environ.get("PYTHONNOUSERSITE"):
        found.append(site.getusersitepackages())
    return [folder for folder in found + sys.path if folder]


def described(folder: str) -> "tuple[str, str]":
    """Name and version from the metadata, where the folder's name does not hold both."""
    name = version = ""
    for file in ("METADATA", "PKG-INFO"):
        try:
            with open(os.path.join(folder, file), encoding="utf-8", errors="replace") as lines:  # noqa: PTH118, PTH123
                for line in lines:
                    key, _, value = line.partition(":")
                    if key == "Name":
                        name = value.strip()
                    elif key == "Version":
                        version = value.strip()
                    elif not line.strip():
                        break
        except OSError:
            continue
        break
    return name, version


def entries(folder: str) -> "list[str]":
    """The names in a folder, in order; none for a folder that cannot be read."""
    try:
        return sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []


def packages(folder: str) -> "list[tuple[str, str]]":
    """Name and version of each package installed into the folder."""
    found = []
    for entry in entries(folder):
        stem, ending = os.path.splitext(entry)  # noqa: PTH122
        if ending not in (".dist-info", ".egg-info"):
            continue
        parts = stem.split("-")
        if len(parts) == 2 or (ending == ".egg-info" and len(parts) > 2):  # name-1.0-py3.8.egg-info
            found.append((parts[0], parts[1]))
        else:
            found.append(described(os.path.join(folder, entry)))  # noqa: PTH118
    return found


def direct(told: "Origins", code: "dict[str, dict[str, str]]") -> "list[tuple[str, str]]":
    """Lines about the packages in a folder that come from no index; `code` is what `editables` gives."""
    found = []
    for name, origin in told:
        line = {"name": name, **source(origin), **code.get(str(origin.get("url")), {})}
        found.append(("direct", json.dumps({key: value for key, value in line.items() if value})))
    return found


def origins(folder: str) -> "Origins":
    """Name and direct_url.json of each package in a folder that has a readable one."""
    found = []
    for entry in entries(folder):
        if not entry.endswith(".dist-info"):
            continue
        try:
            with open(os.path.join(folder, entry, "direct_url.json"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
                told = json.load(file)
        except (OSError, ValueError):
            continue
        if isinstance(told, dict):
            found.append((entry.split("-")[0], told))
    return found


def source(told: "dict[str, Any]") -> "dict[str, str]":
    """The facts of a direct_url.json about the origin of a package."""
    home = os.path.expanduser("~")  # noqa: PTH111
    url, vcs = str(told.get("url", "")), told.get("vcs_info") or {}
    line = {"url": url.replace("://" + home + "/", "://~/")}
    if vcs.get("commit_id"):
        line["vcs"], line["commit"] = str(vcs.get("vcs", "git")), str(vcs["commit_id"])
    hashes = sorted(((told.get("archive_info") or {}).get("hashes") or {}).items())
    if hashes:
        line["hash"] = "{}:{}".format(*hashes[0])
    return line


def is_editable(told: "dict[str, Any]") -> bool:
    """Whether the code of a package lies where somebody works on it."""
    return bool((told.get("dir_info") or {}).get("editable")) and str(told.get("url")).startswith("file://")


def code_of(url: str, here: str) -> "dict[str, str]":
    """The state of an editable package's code, for a command in the folder `here`."""
    if is_around(url, here):
        return {"editable": "yes", "here": "yes"}  # the run's own code, which is stored
    commit, dirty = state(url)
    return {"editable": "yes", "commit": commit, "dirty": dirty}


def is_around(url: str, here: str) -> bool:
    """Whether a folder is inside or around the folder `here`."""
    folder, here = (os.path.realpath(path) + os.sep for path in (url[7:], here))
    return folder.startswith(here) or here.startswith(folder)


def editables(everywhere: "Iterable[Origins]") -> "dict[str, dict[str, str]]":
    """The state of the code of each editable package, by its URL."""
    found = {}
    for told in everywhere:
        for _, origin in told:
            if is_editable(origin):
                found[str(origin["url"])] = code_of(str(origin["url"]), os.getcwd())  # noqa: PTH109
    return found


def state(url: str) -> "tuple[str, str]":
    """The commit of a folder with code, and "yes" if files of it have changed since; "" without Git."""
    words = ["git", "-c", "core.fsmonitor=false", "-C", url[7:]]
    words += ["status", "--porcelain=v2", "--branch", "-uno"]
    try:
        out = subprocess.run(  # noqa: UP022 - Python 3.6 knows no capture_output
            words,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            timeout=10,
            check=True,
        ).stdout
    except (OSError, subprocess.SubprocessError):
        return "", ""
    lines = out.decode("utf-8", "replace").splitlines()
    commit = [line[13:] for line in lines if line.startswith("# branch.oid ")]
    return "".join(commit), "yes" if any(not line.startswith("#") for line in lines) else ""


def manager() -> "list[tuple[str, str]]":
    """A line about what has made the environment: conda, uv, venv, or nothing but the system."""
    if os.path.isdir(os.path.join(sys.prefix, "conda-meta")):  # noqa: PTH112, PTH118
        return [("manager", "conda")]
    try:
        with open(os.path.join(sys.prefix, "pyvenv.cfg"), encoding="utf-8") as file:  # noqa: PTH118, PTH123
            keys = [line.partition("=")[0].strip() for line in file]
    except (OSError, ValueError):
        return [("manager", "none")]
    return [("manager", "uv" if "uv" in keys else "venv")]


def blas(folder: str) -> "list[tuple[str, str]]":
    """Lines about the libraries of linear algebra that NumPy and SciPy came with; the names have hashes."""
    found = []
    for package in ("numpy.libs", "scipy.libs"):
        try:
            names = sorted(os.listdir(os.path.join(folder, package)))  # noqa: PTH118, PTH208
        except OSError:
            continue
        found += [("blas", package + "/" + name) for name in names if "blas" in name or "mkl" in name]
    return found


def details(
    places: "list[tuple[str, Origins]]", code: "dict[str, dict[str, str]]"
) -> "list[tuple[str, str]]":
    """All lines for the record beside the packages: of folders with their origins."""
    found = manager()
    for folder, told in places:
        found += direct(told, code) + blas(folder)
    return found


if __name__ == "__main__":
    places = [(folder, origins(folder)) for folder in folders()]
    code = editables(told for _, told in places)
    answer = {
        "python": ".".join(str(number) for number in sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "folders": folders(),
        "code": code,
        "details": details(places, code),
        "packages": [package for folder in folders() for package in packages(folder)],
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
