"""The graph of the stages: a stage stands on every stage whose outputs it reads."""

from __future__ import annotations

import heapq
import itertools
from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from graphlib import CycleError, TopologicalSorter

from gitexp.errors import ConfigError, UnknownStage
from gitexp.objects.paths import clash, lies_in, upward
from gitexp.pipeline.stage import Pipeline, Stage
from gitexp.words import did_you_mean


class Graph:
    """The stages of one pipeline, each with its neighbours above (makers) and below (readers).

    Raises ConfigError for two stages that write the same file, and for a circle of stages.
    """

    def __init__(self, pipeline: Pipeline) -> None:
        self._file = pipeline.file
        self.stages: Mapping[str, Stage] = {stage.name: stage for stage in pipeline.stages}
        self._place = {name: at for at, name in enumerate(self.stages)}
        self._makers = self._writers()
        self._paths = sorted(self._makers)
        self._known: dict[str, list[str]] = {}  # path -> makers; many stages read the same
        self._above = {name: self._found_above(stage) for name, stage in self.stages.items()}
        self._below: dict[str, list[str]] = {name: [] for name in self.stages}
        for name, makers in self._above.items():
            for maker in makers:
                self._below[maker].append(name)
        self._order = self._sorted()

    # -- questions ------------------------------------------------------------------------------------

    def order(self) -> list[Stage]:
        """All stages, each after its makers, else in the order of the file."""
        return [self.stages[name] for name in self._order]

    def above(self, name: str) -> tuple[str, ...]:
        """The makers of a stage's inputs, in the order of the file."""
        return self._above[name]

    def below(self, name: str) -> tuple[str, ...]:
        """The readers of a stage's outputs, in the order of the file."""
        return tuple(self._below[name])

    def upstream(self, name: str) -> list[str]:
        """All stages above a stage, direct or not, in the order of a run."""
        return self._in_order(self._reached([name], self._above))

    def downstream(self, name: str) -> list[str]:
        """All stages below a stage, direct or not, in the order of a run."""
        return self._in_order(self._reached([name], self._below))

    def maker_of(self, path: str) -> Stage | None:
        """The first stage that writes a path, a folder around the path, or a file below."""
        makers = self._makers_of(path)
        if not makers:
            return None
        return self.stages[makers[0]]

    def select(self, words: Sequence[str], *, single: bool = False, downstream: bool = False) -> list[Stage]:
        """The stages named by words, in the order of a run; all stages without words.

        A word is a name, the name of a `foreach` or `matrix` for all its stages, or a pattern
        (`train@*`). The stages above come along, unless `single`; with `downstream`, the stages below
        come instead. Raises UnknownStage.
        """
        chosen = set(itertools.chain.from_iterable(map(self._named, words))) or set(self._order)
        if downstream:
            chosen |= self._reached(chosen, self._below)
        elif not single:
            chosen |= self._reached(chosen, self._above)
        return [stage for stage in self.order() if stage.name in chosen]

    def _named(self, word: str) -> list[str]:
        if word in self.stages:
            return [word]
        found = [name for name in self.stages if name.startswith(f"{word}@")]
        if not found:
            found = [name for name in self.stages if fnmatchcase(name, word)]
        if not found:
            raise UnknownStage(f"there is no stage '{word}' in {self._file}", self._hint(word))
        return found

    def _hint(self, word: str) -> str | None:
        if not self.stages:
            return None
        some = list(self.stages)[:10]
        if len(self.stages) > len(some):
            some.append("…")
        return did_you_mean(word, self.stages, f"The stages are: {', '.join(some)}.", most=1)

    def _reached(self, names: Iterable[str], neighbours: Mapping[str, Sequence[str]]) -> set[str]:
        seen: set[str] = set()
        waiting = list(names)
        while waiting:
            new = set(neighbours[waiting.pop()]) - seen
            seen |= new
            waiting += new
        return seen

    def _in_order(self, names: Collection[str]) -> list[str]:
        return [name for name in self._order if name in names]

    # -- how it is made ---------------------------------------------------------------------------------

    def _error(self, stage: Stage, message: str, hint: str) -> ConfigError:
        return ConfigError(message, hint, file=self._file, line=stage.line)

    def _writers(self) -> dict[str, str]:
        """Each output with its maker. Raises ConfigError for overlapping outputs."""
        makers: dict[str, str] = {}
        for name, stage in self.stages.items():
            for out in stage.outs:
                if out.path in makers:
                    message = f"the stages '{makers[out.path]}' and '{name}' both write '{out.path}'"
                    if makers[out.path] == name:
                        message = f"'{name}' names '{out.path}' twice as an output"
                    raise self._error(stage, message, "Only one stage can make a file.")
                makers[out.path] = name
        self._refuse_overlap(makers)
        return makers

    def _refuse_overlap(self, makers: Mapping[str, str]) -> None:
        for path, name in makers.items():
            for folder in upward(path):
                if folder != path and folder in makers:
                    other = makers[folder]
                    message = f"'{path}' of the stage '{name}' is inside '{folder}' of the stage '{other}'"
                    raise self._error(self.stages[name], message, "Outputs must not contain one another.")
        if (alike := clash(makers)) is not None:
            first, second = sorted(alike)
            message = f"the outputs '{first}' and '{second}' are one where case does not count"
            owner = next(name for path, name in makers.items() if lies_in(path, second))
            raise self._error(self.stages[owner], message, "Give them names that differ in more than that.")

    def _makers_of(self, path: str) -> list[str]:
        if path not in self._known:
            self._known[path] = self._found_makers(path)
        return self._known[path]

    def _found_makers(self, path: str) -> list[str]:
        found = [self._makers[each] for each in upward(path) if each in self._makers]
        below = f"{path}/".lstrip("/")  # "" for the root
        for at in range(bisect_left(self._paths, below), len(self._paths)):
            if not self._paths[at].startswith(below):
                break
            found.append(self._makers[self._paths[at]])
        return list(dict.fromkeys(found))

    def _found_above(self, stage: Stage) -> tuple[str, ...]:
        makers: dict[str, None] = {}
        for path in stage.reads:
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
        """The error with the steps of a circle, from makers to readers."""
        steps = []
        for maker, reader in itertools.pairwise(names):
            path = next(each for each in self.stages[reader].reads if maker in self._makers_of(each))
            steps.append(f"'{maker}' makes '{path}' for '{reader}'")
        if len(steps) > 8:
            steps[7:-1] = ["…"]
        first = min((self.stages[name] for name in names), key=lambda stage: stage.line or 0)
        message = f"stages stand on each other in a circle: {', '.join(steps)}"
        return self._error(first, message, "Take one of these deps away.")


def in_order(above: Mapping[str, Sequence[str]]) -> list[str]:
    """The names, each after the names above, else in the order given. Raises CycleError."""
    sorter = TopologicalSorter(above)
    sorter.prepare()
    names = list(above)
    place = {name: at for at, name in enumerate(names)}
    ready: list[int] = []
    order: list[str] = []
    while sorter.is_active():
        for name in sorter.get_ready():
            heapq.heappush(ready, place[name])
        order.append(names[heapq.heappop(ready)])
        sorter.done(order[-1])
    return order
