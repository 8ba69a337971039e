"""Commands that are Hydra applications: scripts with `@hydra.main`, whose words are their configuration.

Whether a command is one is seen by the text of its script, which is never run for that. What is done with
such a command is the work of plugins, of the kinds `words` and `jobs`.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Sequence
from pathlib import Path, PurePath

from gitexp import errors, files, plugins
from gitexp.files import Override
from gitexp.files.command_words import arguments
from gitexp.files.command_words.launchers import own_part
from gitexp.files.command_words.overrides import Op, split_override
from gitexp.files.keys import get, resolve
from gitexp.files.limits import read_limited
from gitexp.model import MISSING
from gitexp.named_tuple import NamedTuple
from gitexp.objects.paths import lies_in
from gitexp.project.params import CommandLine
from gitexp.project.project import Project, read
from gitexp.project.tools.tool_files import HYDRA

# Patterns, compiled when they are needed: few runs need one.
# Neither in a comment nor in a text: the script of the command would be started for its jobs.
_MAIN = (
    rb"(?m)^[^#'\"\n]*"
    rb"(?:\bhydra\.main\(|\bhydra_main\(|@hydra_runner\(|\bfrom hydra import [^\n]*\bmain\b)"
)
_CONFIG_PATH = rb"\bconfig_path\s*=\s*[rf]?([\"'])([^\"'\n]+)\1"
_SWEEPS = r"(?:glob|interval|shuffle|sort|tag)\("  # Hydra's own sweeps, beside lists of values
_MULTIRUN = r"-m|--multirun|\+{0,2}hydra\.mode=(?:RunMode\.)?MULTIRUN"  # words that ask for many jobs
# What the application is asked for in place of a run.
_ASKS = frozenset({"--help", "-h", "--hydra-help", "--version", "--cfg", "-c", "--info", "-i", "-sc"})
_IN_COMMAND = f"{arguments.SECTION}."


class Application(NamedTuple):
    """A command that is a Hydra application.

    Attributes:
        words: the words of the command.
        start: the number of the first word for the application.
        script: the file with `@hydra.main`.
        config_folder: the folder of the configuration; None if the script's text does not say.
    """

    words: tuple[str, ...]
    start: int
    script: Path
    config_folder: Path | None

    @property
    def own_words(self) -> tuple[str, ...]:
        return self.words[self.start :]


class HydraJobs(NamedTuple):
    """The jobs of a command with `--multirun`; each becomes a run.

    Attributes:
        command: the command of all jobs; None for the config's, or for stages.
        points: the further words of each job.
        overrides: the texts after `-S` for other params.
        remarks: sentences about differences from Hydra's own way.
    """

    command: CommandLine | None
    points: Sequence[tuple[str, ...]]
    overrides: Sequence[str] = ()
    remarks: Sequence[str] = ()


def find(command: CommandLine, folder: Path) -> Application | None:
    """The Hydra application that a command starts in a folder; None for any other command."""
    words = arguments.split(command)
    if not words:
        return None
    start = own_part(words)
    script = _script(words[:start], folder)
    if script is None:
        return None
    try:
        text = read_limited(script)
    except OSError:
        return None
    if re.search(_MAIN, text) is None:
        return None
    config_folder = None
    if match := re.search(_CONFIG_PATH, text):
        config_folder = script.parent / match[2].decode("utf-8", "replace")
    return Application(tuple(words), start, script, config_folder)


def configured(
    project: Project, command: CommandLine, folder: Path, texts: Sequence[str]
) -> tuple[CommandLine, Sequence[str]]:
    """A command with the overrides that its words take, and the other overrides."""
    application = find(command, folder) if texts else None
    if application is None:
        return command, texts
    return _with_words(project, command, application, texts)


def jobs(
    project: Project, command: CommandLine | None, texts: Sequence[str], *, search: bool
) -> HydraJobs | None:
    """The jobs of a command; None for a single run.

    `command`: None for the config's. `search`: a search chooses the values. Raises GitexpError if Hydra
    refuses.
    """
    line, folder = (command, project.here) if command else (project.config.command, project.folder)
    words = arguments.split(line) if line else None
    if not words or line is None:
        return None
    own = words[own_part(words) :]
    asks = any(map(_is_multirun, (*own, *texts))) or any(map(is_sweep, texts))
    if not asks or not _ASKS.isdisjoint(own):
        return None
    application = find(line, folder)
    if application is None:
        return None
    if search:
        raise errors.UsageError(
            "A search does not go together with jobs that Hydra names.",
            "Leave --multirun out, and give values and bounds to -S: -S 'lr=uniform(0,1)' -S db=mysql,pg",
        )
    texts = [text for text in texts if not _is_multirun(text)]
    changed, others = _with_words(project, tuple(application.words), application, texts)
    application = application._replace(words=tuple(changed))
    asked: HydraJobs = plugins.load("jobs", "hydra")(application, folder)
    return asked._replace(command=_like(line, asked.command or ()), overrides=others)


def without_multirun(words: Sequence[str]) -> list[str]:
    """The words without those that ask for many jobs."""
    return [word for word in words if not _is_multirun(word)]


def has_jobs(command: CommandLine, folder: Path) -> bool:
    """Whether a command is a Hydra application asked for many jobs."""
    words = arguments.split(command) or []
    own = words[own_part(words) :]
    return any(map(_is_multirun, own)) and _ASKS.isdisjoint(own) and find(command, folder) is not None


def _is_multirun(word: str) -> bool:
    return re.fullmatch(_MULTIRUN, word) is not None


def _like(command: CommandLine, words: CommandLine) -> CommandLine:
    """The words, joined to a line for the shell if the command came in a line."""
    return arguments.join(words) if isinstance(command, str) else tuple(words)


def _script(before: Sequence[str], folder: Path) -> Path | None:
    """The file of the script, or of the module, that stands before the words of a program."""
    if not before:
        return None
    last = before[-1]
    if len(before) > 1 and before[-2].startswith("-") and before[-2].endswith("m"):
        if not all(map(str.isidentifier, last.split("."))):
            return None
        path = folder.joinpath(*last.split("."))
        candidates = [path.with_name(f"{path.name}.py"), path / "__main__.py"]
    elif PurePath(last).suffix == ".py":
        candidates = [folder / last]
    else:
        return None
    return next((file for file in candidates if file.is_file()), None)


def _with_words(
    project: Project, command: CommandLine, application: Application, texts: Sequence[str]
) -> tuple[CommandLine, Sequence[str]]:
    of_words, others = apart(project, texts, application.config_folder)
    own = []
    for text in of_words:
        sign, bare = _sign(text)
        own.append(sign + bare.removeprefix(_IN_COMMAND))
    words: Sequence[str] = application.words
    if own:
        words = plugins.load("words", "hydra")(words, application.start, own)
    return _like(command, tuple(words)), others


def apart(
    project: Project, texts: Sequence[str], sources: Path | None, but: str = ""
) -> tuple[list[str], list[str]]:
    """The texts after `-S` for Hydra, and the texts for params files.

    The files below `sources`, and the file `but`, are Hydra's own.
    """
    of_hydra, others = [], []
    for text in texts:
        override = _as_override(text)
        if override is None:
            of_hydra.append(text)
        elif override.file is not None or _stands_in_file(project, override, sources, but):
            others.append(text)
        else:
            of_hydra.append(text)
    return of_hydra, others


def is_sweep(text: str) -> bool:
    """Whether a text after `-S` has a sweep that only Hydra knows."""
    return re.match(_SWEEPS, split_override(text)[1].removeprefix("=").strip()) is not None


def _sign(text: str) -> tuple[str, str]:
    bare = text.lstrip("+~")
    return text[: len(text) - len(bare)], bare


def _as_override(text: str) -> Override | None:
    """gitexp's reading of a text after `-S`; None if only Hydra can read the text: `db@backup=mysql`."""
    if "@" in split_override(text)[0]:
        return None
    with contextlib.suppress(errors.OverrideError):
        return files.parse_override(text)
    return None


def _stands_in_file(project: Project, override: Override, sources: Path | None, but: str) -> bool:
    """Whether a params file has a key, other than the files of Hydra."""
    if override.op is Op.ADD or override.key[0] == arguments.SECTION:
        return False
    root = project.repo.root
    for name in project.config.params:
        if name == but or f"/{HYDRA}/" in f"/{name}" or _is_below(sources, root / name):
            continue
        with contextlib.suppress(errors.ParseError):
            tree = files.parse_leniently(name, read(root / name) or b"")
            if get(tree, resolve(tree, override.key)) is not MISSING:
                return True
    return False


def _is_below(folder: Path | None, file: Path) -> bool:
    return folder is not None and lies_in(file.resolve().as_posix(), folder.resolve().as_posix())
