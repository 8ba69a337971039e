"""What a run finds of its data; beside `present_data`, whose imports only projects with data pay for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gitexp.model import Artifact


@dataclass(frozen=True, slots=True)
class PresentData:
    """Data that is not as gitexp.lock says, and in the store now; `lock` is the text that is right of it.

    `warnings` say so, and name what is listed and has never been added; `absent` is what is not here.
    """

    changed: tuple[Artifact, ...] = ()
    absent: Sequence[str] = ()
    lock: bytes = b""
    warnings: Sequence[str] = ()
