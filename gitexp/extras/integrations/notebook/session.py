"""The code of a session of IPython: its notebook, and its cells as they were executed, as plain Python.

A kernel has executed what it has executed, whatever the file of the notebook says: cells are executed out of
order, changed afterwards, and not saved. So the cells are the code of a run; the notebook stands beside them.
"""

from __future__ import annotations

import ast
import contextlib
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from gitexp.errors import ParseError
from gitexp.extras.integrations.notebook.location import notebook_file
from gitexp.extras.integrations.notebook.outputs import Outputs
from gitexp.files import notebook
from gitexp.runs.request import TypedCode

_HEAD = "# The cells of {name}, in the order in which they were executed. Kept by gitexp."
_HOW = "# All of them again: python -m IPython {file}"
_NAMELESS = "notebook"


def session() -> Session | None:
    """The session of IPython in this process; None without one, and before its first cell."""
    shell = sys.modules["IPython"].get_ipython() if "IPython" in sys.modules else None
    if shell is None or shell.history_manager is None or len(shell.history_manager.input_hist_raw) < 2:
        return None
    return Session(shell)


def saved_parameters(variables: Mapping[str, Any]) -> list[str]:
    """The names set by the cell with the tag `parameters` in the notebook on disk; none without this cell."""
    file = notebook_file(variables, os.environ)
    if file is None:
        return []
    with contextlib.suppress(OSError, ParseError):
        return list(notebook.parameters(file.name, notebook.read(file.name, file.read_bytes())) or ())
    return []


class Session:
    """A session of IPython with a run.

    Attributes:
        path: where the cells stand, from the root of the repository.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._file = notebook_file(shell.user_ns, os.environ)
        self._outputs = Outputs(shell)
        self._keep: Callable[[bytes], None] = lambda text: None
        self.path = ""

    # -- the code ---------------------------------------------------------------------------------------

    def code(self, root: Path, here: Path) -> TypedCode:
        """The notebook without its outputs, and the cells so far, by their paths from the root."""
        files: dict[str, bytes] = {}
        told = []
        name = self._name_in(root)
        folder = here
        if self._file is None:
            told.append("only the cells are stored: the file of the notebook is not known")
        elif name is None:
            told.append(f"only the cells are stored: {self._file.name} is not in this repository")
        else:
            folder = self._file.parent
            try:
                data = self._file.read_bytes()
                files[name] = notebook.without_outputs(name, data)
                told += self._unsaved(name, data)
            except (OSError, ParseError) as error:
                told.append(f"stored as it stands, the notebook cannot be read: {name}: {error}")
        self.path = self._free_path(folder).relative_to(root.resolve()).as_posix()
        files[self.path] = self.text()
        return TypedCode(files, tuple(told))

    def _name_in(self, root: Path) -> str | None:
        """The path of the notebook from the root; None for a notebook elsewhere."""
        if self._file is None or not self._file.is_relative_to(root.resolve()):
            return None
        return self._file.relative_to(root.resolve()).as_posix()

    def _unsaved(self, name: str, data: bytes) -> list[str]:
        """A sentence if the file of the notebook lacks the running cell."""
        saved = {cell.strip() for cell in notebook.code_cells(notebook.read(name, data))}
        if self._cells()[-1][1].strip() in saved:
            return []
        return [f"not saved: the cell of the run is not in {name} as it stands on disk; the cells are stored"]

    def _free_path(self, folder: Path) -> Path:
        """The path for the cells: no file of the user's."""
        stem = self._file.stem if self._file is not None else _NAMELESS
        number = 1
        path = folder.resolve() / f"{stem}.cells.py"
        while path.exists() and not _is_ours(path):
            number += 1
            path = path.with_name(f"{stem}.cells-{number}.py")
        return path

    def _cells(self) -> list[tuple[int, str]]:
        """The executed cells with their numbers; the running or the latest cell comes last."""
        found = []
        for number, text in enumerate(self._shell.history_manager.input_hist_raw):
            if text.strip():
                found.append((number, text))
        return found

    def text(self, coming: str = "") -> bytes:
        """The executed cells in a Python file, and behind them the next cell."""
        cells = self._cells()
        if coming.strip():
            cells.append((len(self._shell.history_manager.input_hist_raw), coming))
        of = self._file.name if self._file is not None else "a notebook"
        parts = [_HEAD.format(name=of) + "\n" + _HOW.format(file=Path(self.path).name)]
        for number, cell in cells:
            parts.append(f"# %% [{number}]\n{self._as_python(cell).strip()}")
        return ("\n\n".join(parts) + "\n").encode("utf-8", "replace")

    def _as_python(self, cell: str) -> str:
        """A cell in Python: calls, made by IPython, replace its magics."""
        if _is_python(cell):
            return cell
        with contextlib.suppress(Exception):  # of any transformer of the user's
            changed = str(self._shell.transform_cell(cell))
            if _is_python(changed):
                return changed
        return "\n".join(f"# {line}" for line in cell.splitlines())

    # -- while the run is on ------------------------------------------------------------------------------

    def begin(self, keep: Callable[[bytes], None]) -> None:
        """Have `keep` called with the text of all cells, before each further cell of the run."""
        self._keep = keep
        self._keep(self.text())
        self._outputs.begin(len(self._shell.history_manager.input_hist_raw) - 1)
        self._shell.events.register("pre_run_cell", self._on_cell)

    def end(self, error: BaseException | None) -> None:
        """Let the session go on alone. `error`: the exception at the end of the run's cell."""
        with contextlib.suppress(ValueError):  # the user has reset the events
            self._shell.events.unregister("pre_run_cell", self._on_cell)
        self._outputs.end(error)
        self._keep(self.text())

    def _on_cell(self, info: Any) -> None:
        if getattr(info, "store_history", True) and not getattr(info, "silent", False):
            self._keep(self.text(str(info.raw_cell)))

    @property
    def printed(self) -> bytes:
        """The prints of the run's cells, and the failure of the last cell."""
        return self._outputs.printed()

    def executed(self) -> tuple[str, bytes]:
        """The name and the text of a notebook with the executed cells and the outputs they have had."""
        stem = self._file.stem if self._file is not None else _NAMELESS
        return f"{stem}{notebook.ENDING}", self._outputs.as_notebook(self._cells())


def _is_python(text: str) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about the user's code: they have been shown
        try:
            ast.parse(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _is_ours(path: Path) -> bool:
    """Whether a file of cells was written by gitexp, and came with an experiment."""
    try:
        with path.open("rb") as file:
            head = file.readline(200).decode("utf-8", "replace").strip()
    except OSError:
        return False
    return head.startswith(_HEAD.partition("{")[0]) and head.endswith(_HEAD.rpartition("}")[2])
