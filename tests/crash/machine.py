"""Any sequence of commands, with the user's own Git beside them, against a model made of plain dicts.

The model knows an experiment as its commit, note and tags, whatever it is called and wherever it lies.
What an operation did to it is kept as what was there before and after, which is what `undo` goes by.

`python -m tests.crash.machine COUNT …` tries that many sequences.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

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
from gitexp.history import apply, branch, edit, remove, undo
from gitexp.history import restore as history_restore
from gitexp.model import Experiment
from gitexp.project.project import Project
from gitexp.repo import trash
from gitexp.runs import run, save
from gitexp.runs.request import RunRequest

_TEMPLATE = Path(__file__).parent.parent / "support" / "template"

State = dict[tuple[str, str], Hashable]  # ("exp" | "branch" | "file", name) -> what is there

STEPS = 9  # at most, in one sequence

names = st.sampled_from(["ant", "bee", "cat", "dog"])
words = st.sampled_from(["", "good", "bad"])
numbers = st.integers(0, 3)


@dataclass
class _Operation:
    """What one that can be undone changed: the part of the state before it, and after it."""

    before: State
    after: State
    trash_before: list[tuple[str, Hashable]]
    trash_after: list[tuple[str, Hashable]]
    undoes: _Operation | None = None


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
        self.branches = {"main": self.git("rev-parse", "HEAD")}
        self.done: list[_Operation] = []
        self.edits = 0

    # -- gitexp -----------------------------------------------------------------------------------

    @rule(name=names)
    def save(self, name: str) -> None:
        made = self.must(errors.NameTaken if name in self.exps else None, save.save, self.project, name)
        self.add(made)

    @rule(name=names, lr=numbers, temp=st.booleans())
    def run(self, name: str, lr: int, temp: bool) -> None:
        null = _null()
        request = RunRequest(("true",), (f"train.lr=0.{lr}5",), name, temp=temp, stdout=null, stderr=null)
        done = self.must(errors.NameTaken if name in self.exps else None, run.run, self.project, request)
        self.add(done and done.experiment)

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), text=words)
    def note(self, data: st.DataObject, text: str) -> None:
        name = self.choose(data)
        commit, before, tags = self.exps[name]
        edit.note(self.project, name, text)
        if text != before:
            self.operation({name: (commit, text, tags)})

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), tag=words.filter(bool))
    def tag(self, data: st.DataObject, tag: str) -> None:
        name = self.choose(data)
        commit, note, tags = self.exps[name]
        edit.tag(self.project, name, [tag])
        if tag not in tags:
            self.operation({name: (commit, note, (*tags, tag))})

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), new=names)
    def rename(self, data: st.DataObject, new: str) -> None:
        old = self.choose(data)
        taken = new in self.exps and new != old
        self.must(errors.NameTaken if taken else None, edit.rename, self.project, old, new)
        if not taken and new != old:
            self.operation({new: self.exps[old], old: None})

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), several=st.booleans())
    def remove(self, data: st.DataObject, several: bool) -> None:
        chosen = sorted(self.exps)[:3] if several else [self.choose(data)]
        found = [self.project.store.require(name) for name in chosen]
        remove.remove(self.project, found)
        lying = [*self.trash, *((name, self.exps[name]) for name in chosen)]
        self.operation(dict.fromkeys(chosen), trash=lying)

    @precondition(lambda self: self.trash)
    @rule(data=st.data())
    def restore(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted({name for name, _ in self.trash})))
        taken = name in self.exps
        self.must(errors.NameTaken if taken else None, history_restore.restore, self.project, name)
        if not taken:
            at = max(at for at, (other, _) in enumerate(self.trash) if other == name)
            self.operation({name: self.trash[at][1]}, trash=self.trash[:at] + self.trash[at + 1 :])

    @precondition(lambda self: self.exps)
    @rule(data=st.data(), name=names)
    def branch(self, data: st.DataObject, name: str) -> None:
        exp = self.choose(data)
        taken = name in self.branches
        self.must(errors.GitexpError if taken else None, branch.branch, self.project, exp, name)
        if not taken:
            self.operation({}, branches={name: self.exps[exp][0]})

    @precondition(lambda self: self.exps)
    @rule(data=st.data())
    def apply(self, data: st.DataObject) -> None:
        before = self.files()
        try:
            applied = apply.apply(self.project, self.choose(data))
        except errors.UnsavedChanges:
            assert self.files() == before
            return
        after = self.files()
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        assert changed == {*applied.taken.written, *applied.taken.removed}
        if applied.taken.operation is not None:
            self.remember(
                {("file", path): before.get(path) for path in changed},
                {("file", path): after.get(path) for path in changed},
                self.trash,
            )

    @precondition(lambda self: self.done)
    @rule()
    def undo(self) -> None:
        last = next(iter(self.undoable()), None)
        if last is None:
            self.must(errors.GitexpError, undo.undo, self.project)
            return
        now = self.state(last.after)
        if now != last.after and any(kind == "file" for kind, _ in last.after):
            self.undo_beside_edits(last)
            return
        possible = now == last.after and self.trash_has(last)
        self.must(None if possible else errors.GitexpError, undo.undo, self.project)
        if possible:
            gone, back = _difference(last.trash_after, last.trash_before)
            lying = [each for each in self.trash if each not in gone] + back
            self.remember(last.after, last.before, lying, undoes=last)
            self.assume(last.before)
            self.trash = lying

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
        self.branches["main"] = self.git("rev-parse", "HEAD")

    @rule()
    def rebase(self) -> None:
        """The commits that experiments stand on are rewritten, and forgotten by Git."""
        self.commit()
        again = "git commit --quiet --amend --allow-empty --message=anew"
        self.git("rebase", "--quiet", "--root", "--force-rebase", "--exec", again)
        self.git("reflog", "expire", "--expire=now", "--all")
        self.branches["main"] = self.git("rev-parse", "HEAD")

    @precondition(lambda self: len(self.branches) > 1)
    @rule(data=st.data())
    def delete_branch(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.branches.keys() - {"main"})))
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
            self.exps[made.name] = (made.record.commit, made.record.note, made.record.tags)

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

    def undoable(self) -> list[_Operation]:
        """The changes that stand, the newest first: nothing here does again what was undone."""
        undone = [id(operation.undoes) for operation in self.done if operation.undoes is not None]
        found = []
        for operation in reversed(self.done):
            if operation.undoes is None and id(operation) not in undone:
                found.append(operation)
        return found

    def trash_has(self, operation: _Operation) -> bool:
        gone, _ = _difference(operation.trash_after, operation.trash_before)
        return all(each in self.trash for each in gone)

    def undo_beside_edits(self, last: _Operation) -> None:
        """Files that were edited since are refused or were never different; nothing else may change."""
        before = self.files()
        try:
            undone = undo.undo(self.project)
        except errors.UnsavedChanges:
            assert self.files() == before
            return
        after = self.files()
        changed = {path for path in before.keys() | after.keys() if before.get(path) != after.get(path)}
        assert changed <= {name for _, name in last.after}
        if undone.taken is not None and undone.taken.operation is not None:
            keys: list[tuple[str, str]] = [("file", path) for path in changed]
            self.remember(
                {key: before.get(key[1]) for key in keys},
                {key: after.get(key[1]) for key in keys},
                self.trash,
                undoes=last,
            )

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

    def git(self, *args: str) -> str:
        done = subprocess.run(["git", *args], cwd=self.path, check=True, capture_output=True)
        return done.stdout.decode().strip()


def _what(experiment: Experiment) -> tuple[str, str, tuple[str, ...]]:
    record = experiment.record
    return (record.commit, record.note, record.tags)


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
    shutil.rmtree(folder / ".git" / "hooks", ignore_errors=True)
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
