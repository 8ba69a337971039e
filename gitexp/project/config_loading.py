"""The config that holds in a folder.

The project is the folder that the config, or else a dvc.yaml or a params file with a usual name, stands
in: the nearest one from the current folder up to the repository's root. (A metrics file is no sign of
one: it comes and goes with the runs.) Stages, of the config or else of a dvc.yaml in the project, name
params, metrics and plots too.
"""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from gitexp import errors, files
from gitexp.files.dvc_yaml import DVC_YAML
from gitexp.files.limits import read_limited
from gitexp.model import Tree
from gitexp.objects.paths import lies_in_any
from gitexp.pipeline.paths import without_dot
from gitexp.project import dvc_defaults, links, patterns, stage_files
from gitexp.project.config import CONFIG_FILE, USUAL_PARAMS, Config
from gitexp.project.config_keys import WITH_PATTERNS, from_tree
from gitexp.project.patterns import Patterns
from gitexp.project.tools import tool_files


def load(root: Path, here: Path) -> Config:
    """The config that holds in the folder `here` of the repository at `root`.

    Raises ParseError or ConfigError with the file and line.
    """
    folder, prefix = _place(root, here)
    path = folder / CONFIG_FILE
    shown = str(PurePosixPath(prefix, CONFIG_FILE))
    if not path.is_file():
        return conventions(root, here)
    links.require_inside(root, path, shown)
    try:
        data = read_limited(path)
    except OSError as error:
        raise errors.ConfigError(f"cannot be read: {error.strerror}", file=shown) from error
    tree = files.parse(shown, data)
    found = _with_matches(from_tree(tree, data, prefix, shown), root)
    return _with_stages(found, tree, data, folder)


def _with_matches(config: Config, root: Path) -> Config:
    """The config with the patterns apart, and with the matching files of the workspace.

    Params written by a tool about an earlier run do not count.
    """
    literal, kept = dict[str, tuple[str, ...]](), dict[str, tuple[str, ...]]()
    for key in WITH_PATTERNS:
        literal[key], kept[key] = (), ()
        for path in getattr(config, key):
            if patterns.is_pattern(path):
                kept[key] += (path,)
            else:
                literal[key] += (path,)
    if not any(kept.values()):
        return config
    for key in ("plots", "outs"):
        literal[key] += tuple(patterns.matching(root, kept[key]))
    if kept["params"]:
        logs = tool_files.find(root).logs
        found = patterns.matching(root, kept["params"])
        literal["params"] += tuple(path for path in found if not lies_in_any(path, logs))
    apart = Patterns(kept["metrics"], kept["params"], (*kept["plots"], *kept["outs"]))
    declared = config.declared.intersection((*literal["params"], *literal["metrics"]))
    return config._replace(
        params=literal["params"],
        metrics=literal["metrics"],
        plots=literal["plots"],
        outs=literal["outs"],
        declared=declared,
        patterns=apart,
    )


def conventions(root: Path, here: Path) -> Config:
    """The config of a project without a gitexp.yaml."""
    folder, prefix = _place(root, here)
    return _with_stages(from_tree({}, b"", prefix, CONFIG_FILE), {}, b"", folder)


def _place(root: Path, here: Path) -> tuple[Path, str]:
    """The project's folder, and the prefix of its paths."""
    folder = _project(root, here)
    return folder, without_dot(folder.relative_to(root).as_posix())


def marked_folder(root: Path, here: Path) -> Path | None:
    """The folder of the project around `here`, by its marking file; None without any marking file."""
    if not here.is_relative_to(root):
        here = root
    upward = []
    for folder in (here, *here.parents):
        if folder.is_relative_to(root):
            upward.append(folder)
    for names in ((CONFIG_FILE,), (*USUAL_PARAMS, DVC_YAML)):
        for folder in upward:
            if any((folder / name).is_file() for name in names):
                return folder
    return None


def _project(root: Path, here: Path) -> Path:
    if (marked := marked_folder(root, here)) is not None:
        return marked
    return here if here.is_relative_to(root) else root


def _with_stages(config: Config, tree: Tree, data: bytes, folder: Path) -> Config:
    """The config with the files that its stages name, or the stages of the project's dvc.yaml."""
    if tree.get("stages"):
        return stage_files.with_stages(config, tree, data, folder)
    if (folder / DVC_YAML).is_file():
        return dvc_defaults.with_dvc(config, folder)
    return config
