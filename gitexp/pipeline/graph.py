"""Which stage stands on which: from what one writes to what another reads, files and folders alike."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise
from pathlib import PurePosixPath

from gitexp.errors import ConfigError, UnknownStage
from gitexp.objects.paths import clash, lies_in
from gitexp.pipeline.stage import Pipeline, Stage
from gitexp.words import did_you_mean


class Graph:
    """The stages of one pipeline and what is above and below each.

    Raises ConfigError if two stages write the same, or stages stand on each other in a circle.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._file = pipeline.file
        self.stages: Mapping[str, Stage] = {stage.name: stage for stage in pipeline.stages}
        self._place = {name: at for at, name in enumerate(self.stages)}
        self._makers = self._writers()
        self._paths = sorted(self._makers)
        self._known: dict[str, list[str]] = {}  # the makers of paths that were asked for: many read the same
        self._above = {name: self._found_above(stage) for name, stage in self.stages.items()}
        self._below: dict[str, list[str]] = {name: [] for name in self.stages}
        for name, makers in self._above.items():
            for maker in makers:
                self._below[maker].append(name)
        self._order = self._sorted()

    # -- questions ------------------------------------------------------------------------------------

    def order(self) -> list[Stage]:
        """Return all stages, each after those it stands on, else in the order of the file."""
        return [self.stages[name] for name in self._order]

    def above(self, name: str) -> tuple[str, ...]:
        """Return the stages that write what this one reads, in the order of the file."""
        return self._above[name]

    def below(self, name: str) -> tuple[str, ...]:
        """Return the stages that read what this one writes, in the order of the file."""
        return tuple(self._below[name])

    def upstream(self, name: str) -> list[str]:
        """Return all stages that this one stands on, also through others, in the order of a run."""
        return self._reached([name], self._above)

    def downstream(self, name: str) -> list[str]:
        """Return all stages that stand on this one, also through others, in the order of a run."""
        return self._reached([name], self._below)

    def maker_of(self, path: str) -> Stage | None:
        """Return the stage that writes a path, a folder that it is in, or something below it."""
        makers = self._makers_of(path)
        return self.stages[makers[0]] if makers else None

    def select(self, words: Sequence[str], *, single: bool = False, downstream: bool = False) -> list[Stage]:
        """Return the stages that words name, in the order of a run; without words, all.

        With them come those they stand on, unless `single`; with `downstream` instead those that stand on
        them. A word is a name, the name of a `foreach` or `matrix` for all that it makes, or a pattern
        (`train@*`). Raises UnknownStage.
        """
        chosen = list(dict.fromkeys(name for word in words for name in self._named(word))) or self._order
        if downstream:
            chosen = chosen + self._reached(chosen, self._below)
        elif not single:
            chosen = chosen + self._reached(chosen, self._above)
        wanted = set(chosen)
        return [self.stages[name] for name in self._order if name in wanted]

    def _named(self, word: str) -> list[str]:
        if word in self.stages:
            return [word]
        of_group = [name for name in self.stages if name.startswith(f"{word}@")]
        found = of_group or [name for name in self.stages if fnmatchcase(name, word)]
        if not found:
            some = ", ".join(list(self.stages)[:10]) + (", …" if len(self.stages) > 10 else "")
            hint = did_you_mean(word, self.stages, f"The stages are: {some}.", most=1)
            raise UnknownStage(f"there is no stage '{word}' in {self._file}", hint if self.stages else None)
        return found

    def _reached(self, names: Iterable[str], neighbours: Mapping[str, Sequence[str]]) -> list[str]:
        seen: set[str] = set()
        waiting = [each for name in names for each in neighbours[name]]
        while waiting:
            name = waiting.pop()
            if name not in seen:
                seen.add(name)
                waiting.extend(neighbours[name])
        return [name for name in self._order if name in seen]

    # -- how it is made ---------------------------------------------------------------------------------

    def _error(self, stage: Stage, message: str, hint: str) -> ConfigError:
        return ConfigError(message, hint, file=self._file, line=stage.line)

    def _writers(self) -> dict[str, str]:
        """Return by each output the stage that writes it. Raises ConfigError where two overlap."""
        makers: dict[str, str] = {}
        for name, stage in self.stages.items():
            for out in stage.outs:
                if out.path in makers:
                    first = makers[out.path]
                    twice = f"'{name}' names '{out.path}' twice as an output"
                    both = f"the stages '{first}' and '{name}' both write '{out.path}'"
                    raise self._error(
                        stage, twice if first == name else both, "Only one stage can make a file."
                    )
                makers[out.path] = name
        for path, name in makers.items():
            for folder in _folders_of(path):
                if folder in makers:
                    other = makers[folder]
                    message = f"'{path}' of the stage '{name}' is inside '{folder}' of the stage '{other}'"
                    raise self._error(self.stages[name], message, "Outputs must not contain one another.")
        if (alike := clash(makers)) is not None:
            first, second = sorted(alike)
            message = f"the outputs '{first}' and '{second}' are one where case does not count"
            owner = next(name for path, name in makers.items() if lies_in(path, second))
            raise self._error(self.stages[owner], message, "Give them names that differ in more than that.")
        return makers

    def _makers_of(self, path: str) -> list[str]:
        if path not in self._known:
            self._known[path] = self._found_makers(path)
        return self._known[path]

    def _found_makers(self, path: str) -> list[str]:
        found = [self._makers[each] for each in (path, *_folders_of(path)) if each in self._makers]
        below = path + "/" if path else ""
        for at in range(bisect_left(self._paths, below), len(self._paths)):
            if not self._paths[at].startswith(below):
                break
            found.append(self._makers[self._paths[at]])
        return list(dict.fromkeys(found))

    def _found_above(self, stage: Stage) -> tuple[str, ...]:
        makers: dict[str, None] = {}
        for path in (*stage.deps, *(params.file for params in stage.params)):
            for maker in self._makers_of(path):
                if maker == stage.name:
                    message = f"the stage '{maker}' reads '{path}', which it writes itself"
                    raise self._error(stage, message, "Take it out of the deps or of the outs.")
                makers[maker] = None
        return tuple(sorted(makers, key=self._place.__getitem__))

    def _sorted(self) -> list[str]:
        try:
            return in_order(self._above)
        except CycleError as error:
            raise self._cycle(error.args[1]) from None

    def _cycle(self, names: list[str]) -> ConfigError:
        """Return the error that shows a circle, from what is written to who reads it."""
        steps = []
        for maker, reader in pairwise(names):
            stage = self.stages[reader]
            reads = (*stage.deps, *(params.file for params in stage.params))
            path = next(each for each in reads if maker in self._makers_of(each))
            steps.append(f"'{maker}' makes '{path}' for '{reader}'")
        shown = steps if len(steps) <= 8 else [*steps[:7], "…", steps[-1]]
        first = min((self.stages[name] for name in names), key=lambda stage: stage.line or 0)
        message = f"stages stand on each other in a circle: {', '.join(shown)}"
        return self._error(first, message, "Take one of these deps away.")


def in_order(above: Mapping[str, Sequence[str]]) -> list[str]:
    """Return names so that each follows those above it, and else as they are given; raises CycleError."""
    sorter = TopologicalSorter(above)
    sorter.prepare()
    names = list(above)
    place = {name: at for at, name in enumerate(names)}
    ready, order = [place[name] for name in sorter.get_ready()], []
    heapq.heapify(ready)
    while ready:
        order.append(names[heapq.heappop(ready)])
        sorter.done(order[-1])
        for name in sorter.get_ready():
            heapq.heappush(ready, place[name])
    return order


def _folders_of(path: str) -> list[str]:
    return [parent.as_posix() for parent in PurePosixPath(path).parents if parent.as_posix() != "."]
