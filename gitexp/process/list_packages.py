"""Run by the command's own interpreter, never imported: its version and packages in a line of JSON.

Given to `python -I -c`, so nothing of the user's is imported, the program reads the names of the folders
left by installers beside each package. importlib.metadata would open a file for each package, and came with
Python 3.8; this works from 3.6 on.
"""

import json
import os
import site
import sys


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


def packages(folder: str) -> "list[tuple[str, str]]":
    """Name and version of each package installed into the folder."""
    found = []
    try:
        entries = sorted(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return []
    for entry in entries:
        stem, ending = os.path.splitext(entry)  # noqa: PTH122
        if ending not in (".dist-info", ".egg-info"):
            continue
        parts = stem.split("-")
        if len(parts) == 2 or (ending == ".egg-info" and len(parts) > 2):  # name-1.0-py3.8.egg-info
            found.append((parts[0], parts[1]))
        else:
            found.append(described(os.path.join(folder, entry)))  # noqa: PTH118
    return found


if __name__ == "__main__":
    answer = {
        "python": ".".join(str(number) for number in sys.version_info[:3]),
        "implementation": sys.implementation.name,
        "folders": folders(),
        "packages": [package for folder in folders() for package in packages(folder)],
    }
    sys.stdout.write("\n" + json.dumps(answer) + "\n")
