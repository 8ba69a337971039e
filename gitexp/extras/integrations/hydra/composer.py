"""Configurations composed by Hydra for a run that is no application of Hydra."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from gitexp.extras.integrations.hydra import asking
from gitexp.named_tuple import NamedTuple
from gitexp.process.interpreter import find_interpreter
from gitexp.process.programs import locate
from gitexp.project.params import CommandLine
from gitexp.project.project import Project
from gitexp.project.tools.hydra_config import HydraConfig
from gitexp.repo import live
from gitexp.repo.git.disk_files import files_below

# What was composed for a grid, whose points are checked one by one: to start Hydra takes half a second.
_of_grid: dict[tuple[object, ...], str] = {}


class HydraComposer(NamedTuple):
    """Hydra for one project and command.

    Attributes:
        settings: the configuration to compose.
        command: its Python is the first to be asked; () for stages.
        folder: the folder of the command.
    """

    project: Project
    settings: HydraConfig
    command: CommandLine
    folder: Path

    def jobs(self, overrides: Sequence[str]) -> list[tuple[str, ...]]:
        """The overrides of each run that overrides with several values mean. Raises GitexpError."""
        return asking.jobs_in(self._ask(sweep=list(overrides)))

    def compose(self, overrides: Sequence[str]) -> str:
        """The configuration composed with some overrides, as YAML. Raises GitexpError."""
        known = _of_grid.get(self._key(overrides))
        if known is not None:
            return known
        return str(self._ask(compose=[list(overrides)])["composed"][0])

    def compose_grid(self, points: Sequence[Sequence[str]]) -> None:
        """Compose all points at once, for `compose` to know them. Raises GitexpError."""
        keys = list(map(self._key, points))
        composed = self._ask(compose=[list(point) for point in points])["composed"]
        _of_grid.clear()
        _of_grid.update(zip(keys, composed, strict=True))

    def _key(self, overrides: Sequence[str]) -> tuple[object, ...]:
        """All that a configuration depends on: an edited file makes another key."""
        root = self.project.repo.root
        stamps = live.stamp(root, files_below(root, [self.settings.config_dir]))
        return (root, self.settings, tuple(overrides), tuple(stamps.items()))

    def _ask(self, **question: object) -> Any:
        question |= {
            "import_from": str(self.project.folder),
            "imports": self.settings.imports,
            "config_dir": str(self.project.repo.root / self.settings.config_dir),
            "config_name": self.settings.config_name,
        }
        return asking.ask(list(_pythons(self.command, self.folder)), self.project.folder, question, {})


def _pythons(command: CommandLine, folder: Path) -> Iterator[Path]:
    """The Pythons that may have Hydra: the command's, the active one, gitexp's own."""
    found = [find_interpreter(command, folder, os.environ) if command else None]
    found += [locate(name, folder, os.environ) for name in ("python", "python3")]
    yield from dict.fromkeys([*filter(None, found), Path(sys.executable)])
