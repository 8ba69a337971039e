"""The params file that Hydra composes before a run, as `hydra:` in gitexp.yaml says.

The file says with which overrides it was composed, in a comment. They hold for the next run too, as all that
`-S` changes. So an experiment that is applied, or run again, goes on from its own choices. A second comment
has a hash: a file that somebody has edited is not written over.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from gitexp import errors, plugins
from gitexp.files.command_words.choices import has_bounds, has_several
from gitexp.files.command_words.credentials import is_secret
from gitexp.files.limits import is_encodable
from gitexp.named_tuple import NamedTuple
from gitexp.project.config import CONFIG_FILE
from gitexp.project.hydra import hydra_app
from gitexp.project.hydra.hydra_app import HydraJobs
from gitexp.project.params import CommandLine
from gitexp.project.project import Project, read_inside
from gitexp.project.tools.hydra_config import HydraConfig

# Patterns, compiled when they are needed: few runs need one.
_SEAL = r"# Seal: (?P<hash>[0-9a-f]{16})\n"
_HEAD = r"# Composed from [^\n]*\n(?:# With: (?P<overrides>\[[^\n]*\])\n)?"
_DIGITS = 16


class Composed(NamedTuple):
    """What Hydra has composed for a run.

    Attributes:
        contents: the coming content of the params file, by its path; none without composing.
        overrides: the texts after `-S` that are not Hydra's.
        warnings: sentences for the record.
    """

    contents: Mapping[str, bytes]
    overrides: Sequence[str]
    warnings: tuple[str, ...] = ()


def compose(
    project: Project, command: CommandLine, folder: Path, texts: Sequence[str], *, again: bool = False
) -> Composed:
    """The params file of a run of `command` with the overrides `texts`; nothing is written.

    `again`: an experiment runs again, and without overrides its params stay. Raises GitexpError if Hydra
    refuses, and FileError for an edited params file.
    """
    settings = _settings(project, command, folder)
    if settings is None or (again and not texts):
        return Composed({}, texts)
    own, others = _apart(project, settings, texts)
    if again and not own:
        return Composed({}, others)
    overrides = _joined(standing(settings.params_file, _present(project, settings)), own)
    body = plugins.load("composer", "hydra")(project, settings, command, folder).compose(overrides)
    content = sealed(settings, overrides, body)
    return Composed({settings.params_file: content}, others, tuple(_secrets(own)))


def jobs(
    project: Project,
    command: CommandLine | None,
    stages: Sequence[str] | None,
    texts: Sequence[str],
    *,
    search: bool = False,
) -> HydraJobs | None:
    """The runs of a command with overrides, if Hydra determines them; else None.

    `command`: None for the config's, or for `stages`. `search`: a search chooses among the values. Raises
    GitexpError if Hydra refuses.
    """
    search = search or has_bounds(texts)
    if stages is None and (found := hydra_app.jobs(project, command, texts, search=search)) is not None:
        return found
    line, folder = command, project.here
    if not command:
        line, folder = None if stages is not None else project.config.command, project.folder
    settings = _settings(project, line or (), folder)
    if settings is None or search or not (has_several(texts) or any(map(hydra_app.is_sweep, texts))):
        return None
    own, others = _apart(project, settings, texts)
    composer = plugins.load("composer", "hydra")(project, settings, line or (), folder)
    points = composer.jobs(own)
    before = standing(settings.params_file, _present(project, settings))
    composer.compose_grid([_joined(before, point) for point in points])
    return HydraJobs(command, points, others)


def _settings(project: Project, command: CommandLine, folder: Path) -> HydraConfig | None:
    """The settings for composing; None for an application of Hydra: the application composes for itself."""
    settings = project.config.hydra
    if settings is None or hydra_app.find(command, folder) is not None:
        return None
    for key, folder_of in (
        ("config_dir", settings.config_dir),
        ("params_file", posixpath.dirname(settings.params_file)),
    ):
        if not (project.repo.root / folder_of).is_dir():
            raise errors.ConfigError(
                f"there is no folder {folder_of}, which {key} of hydra: names",
                "Make it, or correct the path: it begins in the folder of this file.",
                file=posixpath.join(project.config.folder, CONFIG_FILE),
            )
    return settings


def _apart(project: Project, settings: HydraConfig, texts: Sequence[str]) -> tuple[list[str], list[str]]:
    sources = project.repo.root / settings.config_dir
    own, others = hydra_app.apart(project, texts, sources, settings.params_file)
    for text in list(own):
        if text.lstrip("+~").startswith("args."):  # an option of the command
            own.remove(text)
            others.append(text)
    for text in own:
        if not is_encodable(text):
            raise errors.OverrideError(f"`{text!a}` is not UTF-8 text.", "Write -S lr=0.1")
    for text in others:
        if text.lstrip("+~").startswith(f"{settings.params_file}:"):
            bare = text.replace(f"{settings.params_file}:", "", 1)
            raise errors.OverrideError(
                f"`{text}` cannot change {settings.params_file}: Hydra composes that file.",
                f"Leave the file out: -S {bare}",
            )
    return own, others


def _joined(standing: Sequence[str], more: Sequence[str]) -> list[str]:
    return list(plugins.load("words", "hydra")(standing, 0, more))


def _secrets(overrides: Sequence[str]) -> Iterator[str]:
    """A warning for each override with the look of a secret."""
    for text in overrides:
        key, _, value = text.lstrip("+").partition("=")
        if is_secret(key, value):
            yield f"stored with the params file, though it looks like a secret: {key}"


def _present(project: Project, settings: HydraConfig) -> bytes | None:
    return read_inside(project.repo.root, settings.params_file)


def sealed(settings: HydraConfig, overrides: Sequence[str], body: str) -> bytes:
    """The file with what was composed."""
    head = f"# Composed from {settings.source}. Change that, or use -S: each run composes this file anew.\n"
    if overrides:
        head += f"# With: {json.dumps(list(overrides), ensure_ascii=False)}\n"
    text = head + body
    return f"# Seal: {_hash(text)}\n{text}".encode()


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]


def without_comments(data: bytes) -> bytes | None:
    """The configuration in a composed params file, without gitexp's own comments; None for another file.

    Two files with the same configuration, composed with different overrides, are equal here.
    """
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if (seal := re.match(_SEAL, text)) is None:
        return None
    body = text[seal.end() :]
    head = re.match(_HEAD, body)
    if head is None or seal["hash"] != _hash(body):
        return None
    return body[head.end() :].encode()


def standing(name: str, data: bytes | None) -> list[str]:
    """The overrides in the composed params file `name`; none for a missing file.

    Raises FileError for a file changed since Hydra composed its text.
    """
    if data is None:
        return []
    text = data.decode("utf-8", "replace").replace("\r\n", "\n")
    if (seal := re.match(_SEAL, text)) is not None and seal["hash"] == _hash(text[seal.end() :]):
        head = re.match(_HEAD, text[seal.end() :])
        with contextlib.suppress(ValueError):
            return [*map(str, json.loads(head["overrides"] or "[]"))] if head is not None else []
    raise errors.FileError(
        "this file is not as Hydra composed it, and a run would compose it anew",
        f"Make the change in Hydra's configuration, or with -S, and move the file away: mv {name} {name}.old",
        file=name,
    )
