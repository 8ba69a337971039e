"""The outputs of the cells of a run: for its log, and for the notebook that is kept as its result."""

from __future__ import annotations

import base64
import contextlib
import json
import sys
import traceback
from collections.abc import Mapping, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Any

_STREAMS = {"out_stream": "stdout", "err_stream": "stderr"}


class Outputs:
    """The outputs of a session: those kept by IPython, and the displays of cells during a run.

    IPython 9 keeps the prints of cells. With older versions, prints are recorded during a run.
    """

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._kept: Mapping[int, Any] | None = getattr(shell.history_manager, "outputs", None)
        self._printed: dict[int, list[tuple[str, str]]] = {}  # the stream and the text of each writing
        self._first = 0  # the number of the first cell of the run
        self._displayed: dict[int, list[dict[str, Any]]] = {}
        self._error: dict[str, Any] | None = None

    def begin(self, first: int) -> None:
        """Record the displays of cells from now on; `first`: the number of the running cell."""
        self._first = first
        with contextlib.suppress(AttributeError):  # a shell without a kernel has no hooks
            self._shell.display_pub.register_hook(self._on_message)
        if self._kept is None:
            for name in _STREAMS.values():
                self._listen(name)

    def end(self, error: BaseException | None) -> None:
        """Stop recording; the last cell has ended by `error`."""
        with contextlib.suppress(AttributeError):
            self._shell.display_pub.unregister_hook(self._on_message)
        if self._kept is None:
            for name in _STREAMS.values():
                getattr(sys, name).__dict__.pop("write", None)
        if error is not None:
            lines = traceback.format_exception(type(error), error, _of_cells(error))
            self._error = {
                "output_type": "error",
                "ename": type(error).__name__,
                "evalue": str(error),
                "traceback": "".join(lines).splitlines(),
            }

    def _listen(self, name: str) -> None:
        """Record the writes to a stream from now on, like IPython 9."""
        stream = getattr(sys, name)
        write = stream.write

        def noted(text: str) -> Any:
            self._printed.setdefault(self._last(), []).append((name, text))
            return write(text)

        with contextlib.suppress(AttributeError):  # a stream that is no object of Python's
            stream.write = noted

    def _on_message(self, message: dict[str, Any]) -> dict[str, Any]:
        if message.get("msg_type", message["header"].get("msg_type")) == "display_data":
            content = message["content"]
            output = {
                "output_type": "display_data",
                "data": content["data"],
                "metadata": content.get("metadata", {}),
            }
            self._displayed.setdefault(self._last(), []).append(output)
        return message

    def _last(self) -> int:
        return len(self._shell.history_manager.input_hist_raw) - 1

    def of(self, number: int) -> list[dict[str, Any]]:
        """The outputs of a cell in the format of notebooks."""
        found = []
        for output in (self._kept or {}).get(number, ()):
            if output.output_type in _STREAMS:
                text = "".join(output.bundle.get("stream", ()))
                found.append(_stream(_STREAMS[output.output_type], text))
            elif output.output_type == "execute_result":
                found.append(_result(number, output.bundle))
        for name, written in groupby(self._printed.get(number, ()), key=itemgetter(0)):
            found.append(_stream(name, "".join(text for _, text in written)))
        if self._kept is None and number in self._shell.history_manager.output_hist_reprs:
            text = self._shell.history_manager.output_hist_reprs[number]
            found.append(_result(number, {"text/plain": text}))
        found += self._displayed.get(number, ())
        if self._error is not None and number == self._last():
            found.append(self._error)
        return found

    def printed(self) -> bytes:
        """The text of the streams of the run's cells, and the traceback of a failed last cell."""
        parts = []
        for number in range(self._first, self._last() + 1):
            for output in self.of(number):
                if output["output_type"] == "stream":
                    parts.append("".join(output["text"]))
                elif output["output_type"] == "error":
                    parts.append("\n".join(output["traceback"]) + "\n")
        return "".join(parts).encode("utf-8", "replace")

    def as_notebook(self, cells: Sequence[tuple[int, str]]) -> bytes:
        """A notebook of these cells with their outputs."""
        made = []
        for number, text in cells:
            cell = {
                "cell_type": "code",
                "execution_count": number,
                "metadata": {},
                "outputs": self.of(number),
                "source": text.splitlines(keepends=True),
            }
            made.append(cell)
        document = {
            "cells": made,
            "metadata": {"language_info": {"name": "python"}},
            "nbformat": 4,
            "nbformat_minor": 4,
        }
        return (json.dumps(document, indent=1, default=_as_text) + "\n").encode()


def _stream(name: str, text: str) -> dict[str, Any]:
    return {"output_type": "stream", "name": name, "text": text.splitlines(keepends=True)}


def _result(number: int, bundle: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "output_type": "execute_result",
        "execution_count": number,
        "data": dict(bundle),
        "metadata": {},
    }


def _as_text(value: object) -> str:
    """The JSON text for other values of an output: an image, or a type of some library."""
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    return str(value)


def _of_cells(error: BaseException) -> Any:
    """The traceback of an error from the first frame of a cell on: IPython's own tell nobody anything."""
    trace = error.__traceback__
    while trace is not None and "ipykernel_" not in trace.tb_frame.f_code.co_filename:
        if trace.tb_frame.f_code.co_filename.startswith("<ipython-input"):
            break
        trace = trace.tb_next
    return trace or error.__traceback__
