"""The environment that a record describes, as a list of requirements."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex
from gitexp.version import __version__
from gitexp.views import environments

_LOCAL = regex(r"\+(cpu|cu\d+|rocm[\d.]+|xpu)$")
_NAME = regex(r"[a-z0-9]([a-z0-9._-]*[a-z0-9])?", re.ASCII | re.IGNORECASE)
_VERSION = regex(r"[A-Za-z0-9][A-Za-z0-9._+!-]*", re.ASCII)
_OWN = ("pip", "setuptools", "wheel", "uv")  # installers: no part of the run


class RecordedEnvironment(NamedTuple):
    """The contents of an environment.txt.

    Attributes:
        python: the version of Python; "" for none.
        packages: the version of each package.
        direct: the facts about the origin of each package from no index.
        lines: the other lines, by key.
    """

    python: str
    packages: Mapping[str, str]
    direct: Mapping[str, Mapping[str, str]]
    lines: Sequence[tuple[str, str]]

    def values(self, key: str) -> list[str]:
        """The values of the lines with a key."""
        return [value for each, value in self.lines if each == key]

    @property
    def variables(self) -> dict[str, str]:
        """The recorded variables."""
        pairs = [value.partition("=") for value in self.values("variable")]
        return {name: value for name, _, value in pairs}

    @property
    def is_detailed(self) -> bool:
        """Whether the record has more than versions: records of earlier versions of gitexp have no more."""
        return bool(self.values("manager"))

    @property
    def torch_backend(self) -> str:
        """The backend of torch, such as cu128; "" for none."""
        for name in ("torch", "jaxlib", "torchvision"):
            if found := _LOCAL.search(self.packages.get(name, "")):
                return found[1]
        return ""


def read(text: str) -> RecordedEnvironment:
    """The contents of an environment.txt, without unreadable lines."""
    packages = dict(environments.packages_in(text))
    lines = environments.lines_of(text)
    direct = dict[str, dict[str, str]]()
    for key, value in lines:
        if key != "direct":
            continue
        try:
            found = json.loads(value)
        except ValueError:
            continue
        if isinstance(found, dict) and all(isinstance(each, str) for each in found.values()):
            direct[normal(found.get("name", ""))] = found
    return RecordedEnvironment(packages.pop("python", ""), packages, direct, lines)


def normal(name: str) -> str:
    """A package's name in PyPI's normal form."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Unobtainable(NamedTuple):
    """A package without obtainable code.

    Attributes:
        name: the name of the package.
        why: the reason, as a sentence.
    """

    name: str
    why: str


def requirements(found: RecordedEnvironment) -> tuple[list[str], list[Unobtainable]]:
    """A line for each package, and the unobtainable packages. Code of the run itself is in neither.

    Of gitexp itself, with code that cannot be had, the line asks for the one that is installed here.
    """
    lines, lacking = list[str](), list[Unobtainable]()
    for name, version in found.packages.items():
        if not (_NAME.fullmatch(name) and _VERSION.fullmatch(version)):  # a record may be anybody's
            continue
        direct = found.direct.get(name)
        if direct is None:
            if name not in _OWN:
                lines.append(f"{name}=={version}")
        elif not direct.get("here"):
            line, why = _direct(name, direct)
            if why and name == "gitexp":
                lines.append(_gitexp_of_here())
            elif why:
                lacking.append(Unobtainable(name, why))
            else:
                lines.append(line)
    return lines, lacking


def own_code(found: RecordedEnvironment) -> bool:
    """Whether the code of the run itself was installed."""
    return any(direct.get("here") for direct in found.direct.values())


def _direct(name: str, direct: Mapping[str, str]) -> tuple[str, str]:
    """The requirement for a package from no index, or "" and the reason for none."""
    url = direct.get("url", "").replace("://~/", f"://{Path.home()}/")
    commit = direct.get("commit", "")
    if direct.get("editable") or url.startswith("file://"):
        if direct.get("dirty"):
            return "", f"{name} was an editable install of {direct['url']} with changes that no commit has"
        if not commit:
            return "", f"{name} was installed from {direct['url']}, a folder without a known commit"
        if not Path(url.removeprefix("file://")).exists():
            return "", f"{name} was installed from {direct['url']}, which is not here"
        return f"{name} @ git+{url}@{commit}", ""
    if direct.get("vcs"):
        return f"{name} @ {direct['vcs']}+{url}@{commit}", ""
    if known := direct.get("hash", "").replace(":", "="):
        return f"{name} @ {url}#{known}", ""
    return f"{name} @ {url}", ""


def _gitexp_of_here() -> str:
    """The requirement for the gitexp that is running: from its folder or repository, else from an index."""
    try:
        text = distribution("gitexp").read_text("direct_url.json")
    except PackageNotFoundError:  # Python finds it by PYTHONPATH
        text = None
    direct = json.loads(text or "{}")
    url = str(direct.get("url", ""))
    if "vcs_info" in direct:
        return f"gitexp @ git+{url}@{direct['vcs_info']['commit_id']}"
    return f"gitexp @ {url}" if url else f"gitexp=={__version__}"


def index_options(found: RecordedEnvironment, has_own_index: bool) -> Iterator[str]:
    """Yield uv's options for the recorded sources of packages; the user's own default index comes first."""
    if not has_own_index:
        for url in _reachable(found.values("index")[:1]):
            yield from ("--default-index", url)
    more = _reachable(found.values("extra-index"))
    for url in more:
        yield from ("--index", url)
    if more:
        # By itself uv wants each package whole from the first index that has any version. The record may have
        # indexes of pip's settings, too, and each version is exact.
        is_by_uv = "uv" in found.values("manager")
        yield from ("--index-strategy", "unsafe-first-match" if is_by_uv else "unsafe-best-match")
    for url in _reachable(found.values("find-links")):
        yield from ("--find-links", url)
    if found.torch_backend:
        yield from ("--torch-backend", found.torch_backend)


def _reachable(urls: Sequence[str]) -> list[str]:
    """The sources of packages without folders of another machine."""
    return [url for url in urls if _is_there(url)]


def _is_there(url: str) -> bool:
    """Whether a source of packages is a server, or a folder of this machine."""
    if url.startswith("file://") or "://" not in url:
        return Path(url.removeprefix("file://")).exists()
    return True
