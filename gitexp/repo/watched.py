"""The experiments of a store for somebody who looks again and again: only what has changed is read."""

from __future__ import annotations

from gitexp.model import Stored
from gitexp.repo.experiments import PREFIX, Store

_MOST_READ = 200  # experiments; of more, all are read anew, which is quicker


class Watched:
    """Looks at the experiments of a store."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known: dict[str, Stored] = {}

    def all(self) -> list[Stored]:
        """All experiments in order of name, in their present state, the damaged ones too."""
        broken: list[str] = []
        ids = dict[str, str]()
        for ref, commit in self._store.repo.refs(PREFIX, fields=("refname", "objectname"), broken=broken):
            ids[ref.decode("utf-8", "replace").removeprefix(PREFIX)] = commit.decode()
        changed = {}
        for name, oid in ids.items():
            before = self._known.get(name)
            if before is None or before.id != oid:
                changed[name] = oid
        if broken or len(changed) > _MOST_READ:
            found = self._store.all()
            self._known = {one.name: one for one in found}
            return found
        for read in self._store.read_commits(changed):
            self._known[read.experiment.name] = read.experiment
        self._known = {name: self._known[name] for name in ids}
        return list(self._known.values())
