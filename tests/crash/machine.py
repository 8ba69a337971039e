"""Any sequence of commands, with the user's own Git beside them, against a model made of plain dicts.

The model knows an experiment as its commit, note, tags and metrics, whatever it is called and wherever it
lies. What an operation did to it is kept as what was there before and after, which is what `undo` goes by.
A command may be killed at a failpoint, in a process of its own: then it is given once more, unless another
command finds that all of it was done.

`python -m tests.crash.machine COUNT …` tries that many sequences.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from gitexp import errors
from gitexp.datasets import add as datasets_add
from gitexp.datasets import checkout as datasets_checkout
from gitexp.history import apply, branch, edit, measure, remove, undo
from gitexp.history import restore as history_restore
from gitexp.model import Experiment, Status
from gitexp.project.change import complete_pending, unfinished
from gitexp.project.project import Project
from gitexp.repo import operations, trash
from gitexp.repo.live import live_runs
from gitexp.runs import run, save
from gitexp.runs.ongoing import stop
from gitexp.runs.request import RunRequest

_TEMPLATE = Path(__file__).parent.parent / "support" / "template"

State = dict[tuple[str, str], Hashable]  # ("exp" | "branch" | "file", name) -> what is there

STEPS = 9  # at most, in one sequence

names = st.sampled_from(["ant", "bee", "cat", "dog"])
words = st.sampled_from(["", "good", "bad"])
numbers = st.integers(0, 3)

_SET = "set.bin"  # data, which Git ignores
_LOCK = "gitexp.lock"
_SCRIPT = "cp params.yaml model.bin; echo acc 0.5"
_WAITING = "echo acc 0.25; sleep 60"
_ACC = {"acc": r"acc (\S+)"}

points = st.sampled_from(
    [None] * 9
    + ["operation:written", "operation:pending", "operation:moved", "operation:done", "takeover:stored"]
    + ["workspace:ready", "workspace:removed", "workspace:written", "workspace:written@2", "switch:files"]
    + ["switch:index", "branch:before-ref"]
)


@dataclass
class _Operation:
    """What one that can be undone changed: the part of the state before it, and after it."""

    before: State
    after: State
    trash_before: list[tuple[str, Hashable]]
    trash_after: list[tuple[str, Hashable]]
    undoes: _Operation | None = None


@dataclass
class _Change:
    """A change of the user, with the last undo or redo of it."""

    first: _Operation
    last: _Operation
    is_undone: bool = False


class Machine(RuleBasedStateMachine):
    """One sequence in one repository; `sequences` and `steps` count."""

    sequences: ClassVar[int] = 0
    steps: ClassVar[int] = 0

    @initialize()
    def begin(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="gitexp-machine-", dir=_memory()))
        self.path = self.folder / "repo"
        shutil.copytree(_repository(), self.path, symlinks=True)
        self.project = Project.open(self.path)
        self.exps = {e.name: _what(e) for e in self.project.store.all()}
        self.trash: list[tuple[str, Hashable]] = []  # the last removed comes last
        self.head = "main"
        self.branches = {"main": self.git("rev-parse", "HEAD")}
        self.sets: dict[str, bytes] = {}  # the data of experiments, by their commits
        self.done: list[_Operation] = []
        self.edits = 0

    # -- gitexp -----------------------------------------------------------------------------------

    @rule(data=st.data(), name=names)
    def save(self, data: st.DataObject, name: str) -> None:
        free = name not in self.exps
        self.strike(data, save.save, name)
        if free and name in self.project.store.names():
            self.add(self.project.store.require(name))
            return
        self.add(self.must(None if free else errors.NameTaken, save.save, self.project, name))

    @rule(name=names, lr=numbers, temp=st.booleans())
    def run(self, name: str, lr: int, temp: bool) -> None:
        null, before, stored = _null(), self.files(), self.stored()
        command = ("sh", "-c", _SCRIPT)
        request = RunRequest(command, (f"train.lr=0.{lr}5",), name, temp=temp, stdout=null, stderr=null)
        done = self.must(errors.NameTaken if name in self.exps else None, run.run, self.project, request)
        self.add(done and done.experiment)
        if self.stored() > stored:
            self.remember_files(before, but="model.bin")

    @rule(name=names, often=numbers)
    def stop(self, name: str, often: int) -> None:
        """A run in a process of its own is ended; it is rare, for it takes long."""
        if name in self.exps or often:
            return
        command = [sys.executable, "-m", "gitexp", "run", "-q", "-n", name, "--", "sh", "-c", _WAITING]
        with subprocess.Popen(command, cwd=self.path, stdout=_null(), stderr=_null()):
            while not any(run.child for run in live_runs(self.project.local)):
                time.sleep(0.02)
            ended = stop.stop(self.project, name)
        assert ended.record.status is Status.INTERRUPTED
        self.add(ended)

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), text=words)
    def note(self, data: st.DataObject, text: str) -> None:
        name = self.choose(data)
        was = self.exps[name]
        if not self.strike(data, edit.note, name, text):
            edit.note(self.project, name, text)
        if text != was.note:
            self.operation({name: was._replace(note=text)})

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), tag=words.filter(bool))
    def tag(self, data: st.DataObject, tag: str) -> None:
        """Tags of several experiments at once: all of them or none."""
        chosen = sorted({self.choose(data), self.choose(data)})
        if not self.strike(data, edit.tag_all, chosen, [tag]):
            edit.tag_all(self.project, chosen, [tag])
        changed = {}
        for name in chosen:
            was = self.exps[name]
            if tag not in was.tags:
                changed[name] = was._replace(tags=(*was.tags, tag))
        if changed:
            self.operation(changed)

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), often=st.booleans())
    def measure(self, data: st.DataObject, often: bool) -> None:
        """Metrics out of the stored output: of runs alone, for `save` has none."""
        if not often:
            return
        name = self.choose(data)
        stored = self.stored()
        if not self.strike(data, measure.measure, [name], _ACC):
            (found,) = measure.measure(self.project, [name], _ACC)
            assert bool(found.missing) is not bool(found.found)
        if self.stored() > stored:
            now = _what(self.project.store.require(name))
            assert "acc" in now.metrics
            self.operation({name: self.exps[name]._replace(metrics=now.metrics)})

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), new=names)
    def rename(self, data: st.DataObject, new: str) -> None:
        old = self.choose(data)
        taken = new in self.exps and new != old
        if not self.strike(data, edit.rename, old, new):
            self.must(errors.NameTaken if taken else None, edit.rename, self.project, old, new)
        if not taken and new != old:
            self.operation({new: self.exps[old], old: None})

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), several=st.booleans())
    def remove(self, data: st.DataObject, several: bool) -> None:
        chosen = sorted(self.exps)[:3] if several else [self.choose(data)]
        found = [self.project.store.require(name) for name in chosen]
        if not self.strike(data, remove.remove, found):
            remove.remove(self.project, found)
        lying = [*self.trash, *((name, self.exps[name]) for name in chosen)]
        self.operation(dict.fromkeys(chosen), trash=lying)

    @precondition(lambda self: self.trash)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted({name for name, _ in self.trash})))
        taken = name in self.exps
        if not self.strike(data, history_restore.restore, name):
            self.must(errors.NameTaken if taken else None, history_restore.restore, self.project, name)
        if not taken:
            at = max(at for at, (other, _) in enumerate(self.trash) if other == name)
            self.operation({name: self.trash[at][1]}, trash=self.trash[:at] + self.trash[at + 1 :])

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), name=names)
    def branch(self, data: st.DataObject, name: str) -> None:
        exp = self.choose(data)
        taken = name in self.branches
        if not self.strike(data, branch.branch, exp, name):
            self.must(errors.GitexpError if taken else None, branch.branch, self.project, exp, name)
        if not taken:
            self.operation({}, branches={name: self.exps[exp].commit})

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), name=names)
    def switch(self, data: st.DataObject, name: str) -> None:
        exp = self.choose(data)
        commit, before = self.exps[exp].commit, self.files()
        taken = self.branches.get(name, commit) != commit
        struck = self.strike(data, branch.branch_and_switch, exp, name)
        try:
            if not struck:
                branch.branch_and_switch(self.project, exp, name)
        except errors.GitexpError:
            assert taken or before != self.files_in(commit)
            assert self.files() == before
            assert self.git("symbolic-ref", "--short", "HEAD") == self.head
            return
        assert not taken
        if name not in self.branches:
            self.operation({}, branches={name: commit})
        self.head = name
        assert self.git("symbolic-ref", "--short", "HEAD") == name
        assert self.git("rev-parse", "HEAD") == commit
        assert self.git("diff", "--cached", "--name-only") == ""
        self.remember_files(before)

    @rule(data=st.data(), number=numbers)
    def change_data(self, data: st.DataObject, number: int) -> None:
        before = self.files()
        (self.path / _SET).write_bytes(b"%d" % number)
        datasets_add.add(self.project, [_SET])
        self.remember_files(before, but=_SET)

    @precondition(lambda self: self.exps)
    @rule(data=st.data())
    def checkout(self, data: st.DataObject) -> None:
        """The data of an experiment comes as it was stored, or nothing changes."""
        exp, before = self.choose(data), self.files()
        try:
            datasets_checkout.checkout(self.project, [exp])
        except errors.GitexpError:
            assert self.files() == before
            return
        after = self.files()
        assert after.get(_SET) == self.sets.get(self.exps[exp].commit, before.get(_SET))

    @precondition(lambda self: self.exps)
    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        exp, before = self.choose(data), self.files()
        try:
            if not self.strike(data, apply.apply, exp):
                applied = apply.apply(self.project, exp)
                after = self.files()
                taken = {*applied.taken.written, *applied.taken.removed}
                assert taken <= _changed(before, after)  # a killed one may have changed the others
        except errors.UnsavedChanges:
            assert self.files() == before
            return
        commit = self.exps[exp].commit
        if _LOCK in self.git("ls-tree", "--name-only", commit).split():
            assert self.files()[_LOCK].decode().strip() == self.git("show", f"{commit}:{_LOCK}")
        self.remember_files(before)

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def undo(self, data: st.DataObject) -> None:
        standing = [change for change in self.changes() if not change.is_undone]
        self.reverse(data, undo.undo, next(iter(standing), None))

    @precondition(lambda self: self.done)
    @rule(data=st.data())
    def redo(self, data: st.DataObject) -> None:
        undone = [change for change in self.changes() if change.is_undone]
        newest = max(
            (self.done.index(change.first) for change in self.changes() if not change.is_undone), default=-1
        )
        if undone and newest > self.done.index(undone[0].last):
            undone = []
        self.reverse(data, undo.redo, next(iter(undone), None))

    def reverse(self, data: st.DataObject, action: Callable[..., Any], change: _Change | None) -> None:
        if change is None:
            self.must(errors.GitexpError, action, self.project)
            return
        last = change.last
        now = self.state(last.after)
        if any(kind == "file" for kind, _ in last.after) or not last.after:
            self.reverse_files(data, action, last)
            return
        possible = now == last.after and self.trash_has(last)
        possible = possible and last.before.get(("branch", self.head), "") is not None
        if not self.strike(data, action):
            self.must(None if possible else errors.GitexpError, action, self.project)
        if possible:
            gone, back = _difference(last.trash_after, last.trash_before)
            lying = [each for each in self.trash if each not in gone] + back
            self.remember(last.after, last.before, lying, undoes=last)
            self.assume(last.before)
            self.trash = lying

    def reverse_files(self, data: st.DataObject, action: Callable[..., Any], last: _Operation) -> None:
        """Files that were edited since are refused, or were never different; nothing else may change."""
        before, unedited = self.files(), self.state(last.after) == last.after
        try:
            if not self.strike(data, action):
                action(self.project)
        except errors.UnsavedChanges:
            assert not unedited
            assert self.files() == before
            return
        if unedited:
            assert self.state(last.before) == last.before
        changed = _changed(before, self.files())
        assert changed <= {name for _, name in last.after}
        self.remember_files({path: before.get(path) for path in changed}, undoes=last)

    # -- the user ---------------------------------------------------------------------------------

    @rule(lr=numbers)
    def edit_a_file(self, lr: int) -> None:
        self.edits += 1
        (self.path / ("train.py" if lr % 2 else "notes.txt")).write_text(f"# edit {self.edits}\n")

    @rule()
    def gc(self) -> None:
        self.git("gc", "--quiet", "--prune=now")

    @rule()
    def pack_refs(self) -> None:
        self.git("pack-refs", "--all")

    @rule()
    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", "more")
        self.branches[self.head] = self.git("rev-parse", "HEAD")

    @rule()
    def rebase(self) -> None:
        """The commits that experiments stand on are rewritten, and forgotten by Git."""
        self.commit()
        again = "git commit --quiet --amend --allow-empty --message=anew"
        self.git("rebase", "--quiet", "--root", "--force-rebase", "--exec", again)
        self.git("reflog", "expire", "--expire=now", "--all")
        self.branches[self.head] = self.git("rev-parse", "HEAD")

    @precondition(lambda self: self.branches.keys() - {self.head})
    @rule(data=st.data())
    def delete_branch(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.branches.keys() - {self.head})))
        self.git("branch", "--quiet", "-D", name)
        del self.branches[name]

    @invariant()
    def count(self) -> None:
        type(self).steps += 1

    # -- what must hold ---------------------------------------------------------------------------

    def teardown(self) -> None:
        if not hasattr(self, "folder"):
            return
        try:
            self.check()
            type(self).sequences += 1
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)

    def check(self) -> None:
        project = Project.open(self.path)
        found = project.store.all()
        assert all(isinstance(experiment, Experiment) for experiment in found), found
        assert {e.name: _what(e) for e in found} == self.exps
        lying = [(one.experiment.name, _what(one.experiment)) for one in trash.contents(project.repo)]
        assert sorted(map(repr, lying)) == sorted(map(repr, self.trash))
        heads = self.git("for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads")
        assert dict(line.split() for line in heads.splitlines()) == self.branches
        assert self.git("fsck", "--strict", "--no-dangling", "--no-progress") == ""

    # -- the model --------------------------------------------------------------------------------

    def must(self, error: type[Exception] | None, action: Callable[..., Any], *args: Any) -> Any:
        """Do it, and return what it returned; or see it refused for the reason that the model has."""
        if error is None:
            return action(*args)
        try:
            action(*args)
        except error:
            return None
        raise AssertionError(f"{action.__name__} should have raised {error.__name__}")

    def add(self, made: Experiment | None) -> None:
        if made is not None:
            self.exps[made.name] = _what(made)
            if _LOCK in self.git("ls-tree", "--name-only", made.record.commit).split():
                self.sets[made.record.commit] = (self.path / _SET).read_bytes()

    def choose(self, data: st.DataObject) -> str:
        return data.draw(st.sampled_from(sorted(self.exps)))

    def operation(
        self,
        exps: dict[str, Any],
        *,
        branches: dict[str, str] | None = None,
        trash: list[tuple[str, Hashable]] | None = None,
    ) -> None:
        """Do in the model what gitexp has done, and remember how to undo it."""
        after: State = {("exp", name): state for name, state in exps.items()}
        after |= {("branch", name): commit for name, commit in (branches or {}).items()}
        lying = self.trash if trash is None else trash
        self.remember(self.state(after), after, lying)
        self.assume(after)
        self.trash = lying

    def remember(
        self, before: State, after: State, lying: list[tuple[str, Hashable]], undoes: _Operation | None = None
    ) -> None:
        self.done.append(_Operation(before, after, self.trash, lying, undoes))

    def remember_files(
        self, before: Mapping[str, bytes | None], *, but: str = "", undoes: _Operation | None = None
    ) -> None:
        """Remember which of some files have changed, where gitexp has stored that."""
        after = self.files()
        changed = _changed(before, after) - {but}
        if undoes is not None:
            changed = set(before)
        if changed or undoes is not None:
            self.remember(
                {("file", path): before.get(path) for path in changed},
                {("file", path): after.get(path) for path in changed},
                self.trash,
                undoes,
            )
        self.project = Project.open(self.path)

    def changes(self) -> list[_Change]:
        """The changes, the last done, undone or done again first."""
        found = list[_Change]()
        for operation in self.done:
            change = _Change(operation, operation)
            for other in found:
                if operation.undoes is other.last:
                    change = _Change(other.first, operation, not other.is_undone)
                    found.remove(other)
                    break
            found.append(change)
        return found[::-1]

    def stored(self) -> int:
        """The number of operations so far."""
        return len(operations.all_of(self.project.repo))

    def strike(self, data: st.DataObject, action: Callable[..., Any], *args: Any) -> bool:
        """Do it in a process that may be killed; whether nothing of it is left to be done.

        If no point is drawn, nothing is done.
        """
        point, stored = data.draw(points), self.stored()
        if point is None:
            return False
        child = os.fork()
        if child == 0:
            os.environ["GITEXP_FAILPOINT"] = point
            status = 1
            try:
                action(Project.open(self.path), *args)
                status = 0
            finally:
                os._exit(status)
        _, ended = os.waitpid(child, 0)
        self.project = Project.open(self.path)
        complete_pending(self.project)
        if os.WIFEXITED(ended):
            return os.WEXITSTATUS(ended) == 0
        is_switch = action is branch.branch_and_switch
        return self.stored() > stored and not unfinished(self.project) and not is_switch

    def trash_has(self, operation: _Operation) -> bool:
        gone, _ = _difference(operation.trash_after, operation.trash_before)
        return all(each in self.trash for each in gone)

    def state(self, keys: State) -> State:
        files = self.files() if any(kind == "file" for kind, _ in keys) else {}
        places: dict[str, Any] = {"exp": self.exps, "branch": self.branches, "file": files}
        return {(kind, name): places[kind].get(name) for kind, name in keys}

    def assume(self, state: State) -> None:
        for (kind, name), value in state.items():
            place: dict[str, Any] = {"exp": self.exps, "branch": self.branches}.get(kind, {})
            if value is None:
                place.pop(name, None)
            else:
                place[name] = value

    def files(self) -> dict[str, bytes]:
        found = (path for path in self.path.iterdir() if path.name != ".git")
        return {path.name: path.read_bytes() for path in found}

    def files_in(self, commit: str) -> dict[str, bytes]:
        """The files of a commit, and those that Git ignores here."""
        found = {name: content for name, content in self.files().items() if name == _SET}
        for name in self.git("ls-tree", "--name-only", commit).split():
            show = ["git", "show", f"{commit}:{name}"]
            found[name] = subprocess.run(show, cwd=self.path, check=True, capture_output=True).stdout
        return found

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.path, check=True, capture_output=True)
        return done.stdout.decode().strip()


class _What(NamedTuple):
    """What the model knows of an experiment."""

    commit: str
    note: str
    tags: tuple[str, ...]
    metrics: str


def _what(experiment: Experiment) -> _What:
    record = experiment.record
    return _What(record.commit, record.note, record.tags, json.dumps(record.metrics, sort_keys=True))


def _changed(old: Mapping[str, bytes | None], new: Mapping[str, bytes | None]) -> set[str]:
    """The files that are not the same."""
    return {path for path in old.keys() | new.keys() if old.get(path) != new.get(path)}


def _difference(old: list[Any], new: list[Any]) -> tuple[list[Any], list[Any]]:
    """What has gone and what has come."""
    return [each for each in old if each not in new], [each for each in new if each not in old]


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


@cache
def _null() -> int:
    return os.open(os.devnull, os.O_WRONLY)


@cache
def _repository() -> Path:
    """A repository with two commits and two experiments, made once in a process."""
    folder = Path(tempfile.mkdtemp(prefix="gitexp-machine-", dir=_memory())) / "repo"
    shutil.copytree(_TEMPLATE, folder)
    (folder / "notes.txt").write_text("first\n")
    for command in ("init -q -b main", "add .", "commit -q -m one", "commit -q --allow-empty -m two"):
        subprocess.run(["git", *command.split()], cwd=folder, check=True)
    project = Project.open(folder)
    for name in ("ant", "bee"):
        (folder / "notes.txt").write_text(f"of {name}\n")
        (folder / f"{name}.py").write_text("print()\n")
        save.save(project, name)
        (folder / f"{name}.py").unlink()
    (folder / "notes.txt").write_text("first\n")
    return folder


def main() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=int(sys.argv[1]),
            stateful_step_count=STEPS,
            database=None,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    print(json.dumps({"sequences": Machine.sequences, "steps": Machine.steps}))


if __name__ == "__main__":
    main()
