"""What a project takes over from DVC: the files and stages of its dvc.yaml, and DVC's cache."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

from gitexp import errors, files
from gitexp.files.dvc_yaml import DVC_CACHE, DVC_CONFIG, DVC_LOCAL_CONFIG, DVC_LOCK, DVC_YAML
from gitexp.files.limits import read_limited
from gitexp.objects.paths import joined_paths
from gitexp.project import stage_files
from gitexp.project.config import Config


def with_dvc(config: Config, folder: Path) -> Config:
    """The config with the files named by the project's dvc.yaml.

    The stages run where the config has no command. A run in an isolated workspace works on DVC's only cache,
    like DVC's own runs.
    """
    name = str(PurePosixPath(config.folder, DVC_YAML))
    with_stages = config
    if config.command is None:
        with_stages = config._replace(pipeline_file=name)
    try:
        data = read_limited(folder / DVC_YAML)
        tree = files.parse(name, data)
        found = stage_files.named_files(name, tree, data, folder)
    except (OSError, errors.FileError):  # for whoever reads the stages to complain about
        return with_stages
    if tree.get("stages"):
        config = with_stages
    instead = config.declared
    if config.pipeline_file:
        instead = frozenset()
    config = config._replace(
        outs=joined_paths(config.outs, [str(PurePosixPath(config.folder, DVC_LOCK))]),
        share=joined_paths(config.share, _shared_with_dvc(config.folder, folder)),
    )
    return stage_files.joined(config, found, instead)


def _shared_with_dvc(prefix: str, folder: Path) -> list[str]:
    """The paths shared with DVC in an isolated workspace: the cache, and settings ignored by Git.

    They belong to the nearest `dvc init`, in the project's folder or above.
    """
    place = PurePosixPath(prefix)
    for above in (place, *place.parents):
        if (folder / DVC_CONFIG).is_file():
            return [str(above / DVC_CACHE), str(above / DVC_LOCAL_CONFIG)]
        folder = folder.parent
    return [str(place / DVC_CACHE)]
