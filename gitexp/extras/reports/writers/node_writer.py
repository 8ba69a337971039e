"""What the writers of documents share: the walk through the nodes."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar

from gitexp.extras.reports.document import DocumentNode


class NodeWriter(ABC):
    """A writer of one format. `between`: what stands between two blocks."""

    between: ClassVar[str] = "\n\n"

    def blocks(self, nodes: Sequence[DocumentNode]) -> str:
        """The text of some blocks."""
        return self.between.join(map(self._node, nodes))

    def _inside(self, node: DocumentNode) -> str:
        """The text of what a node contains."""
        return "".join(map(self._node, node.children))

    @abstractmethod
    def _node(self, node: DocumentNode) -> str:
        """The text of a node."""
