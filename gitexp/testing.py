"""The tests that every data remote, executor, engine, source, importer and exporter must pass: gitexp's own
and yours.

Each contract is a class. Derive a test class from it in a module of your tests and give it the fixtures
that it names:

    class TestMyRemote(DataRemoteContract):
        @pytest.fixture
        def remote(self, tmp_path):
            return MyRemote("store", str(tmp_path / "remote"))

This module needs pytest, which gitexp does not install; nothing in gitexp imports it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from gitexp import errors
from gitexp.catalog.sources import ForeignRef, Source
from gitexp.extras.engines.engine import GONE, Engine, Job, JobState
from gitexp.extras.integrations.exporters.exporter import ExportedRuns, RunExporter
from gitexp.extras.integrations.importers.foreign import ForeignRun, Importer
from gitexp.files.lines.series import SERIES
from gitexp.model import Experiment, Record, Status, readable
from gitexp.objects.remotes.remote import DataRemote
from gitexp.objects.store import ObjectStore
from gitexp.pipeline.lock import LOCK_FILE
from gitexp.project.project import Project
from gitexp.repo import records
from gitexp.repo.experiments import PREFIX
from gitexp.repo.git.values import RefChange
from gitexp.runs.begin import begin
from gitexp.runs.end import end
from gitexp.runs.execute import execute
from gitexp.runs.executor import Ended, Executor
from gitexp.runs.logged_values import logged_artifacts
from gitexp.runs.prepare import prepare
from gitexp.runs.request import RunRequest

_LARGE = (3 << 20) + 7  # bytes; more than is sent or read at once


class DataRemoteContract:
    """The contract of every `DataRemote`. Fixture: `remote`, an empty one."""

    @pytest.fixture
    def remote(self) -> Any:
        raise NotImplementedError("a fixture `remote` with an empty data remote")

    def can_stop(self, remote: DataRemote) -> bool:
        """Whether an upload can be stopped half way; some protocols have one request for all of it."""
        return True

    def test_what_is_put_can_be_asked_for_listed_got_and_removed(
        self, remote: DataRemote, tmp_path: Path
    ) -> None:
        counted: list[int] = []
        objects = dict([_made(tmp_path, content) for content in (b"", b"small", os.urandom(_LARGE))])
        assert remote.has_many(objects) == {}
        assert list(remote.list()) == []
        began = time.time()
        for hash_, path in objects.items():
            remote.put(hash_, path, counted.append)
        remote.flush()
        sizes = {hash_: path.stat().st_size for hash_, path in objects.items()}
        assert sum(counted) == sum(sizes.values())
        assert remote.has_many([*objects, "ab" + "0" * 62]) == sizes
        listed = {}
        for each in remote.list():
            listed[each.hash] = each.size
            assert abs(each.mtime - began) < 3600
        assert listed == sizes
        for hash_, path in objects.items():
            got = tmp_path / f"got-{hash_}"
            remote.get(hash_, got, _ignore)
            assert got.read_bytes() == path.read_bytes()
            remote.remove(hash_)
            remote.remove(hash_)
        assert remote.has_many(objects) == {}
        with pytest.raises(errors.NotOnRemote):
            remote.get(next(iter(objects)), tmp_path / "nothing", _ignore)

    def test_many_are_asked_for_by_listing_and_few_one_by_one(
        self, remote: DataRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        objects = dict([_made(tmp_path, str(number).encode()) for number in range(5)])
        folders = {f"{number % 3:02x}{number:062x}.dir": path for number, path in enumerate(objects.values())}
        for hash_, path in {**objects, **folders}.items():
            remote.put(hash_, path, _ignore)
        remote.flush()
        sizes = dict.fromkeys((*objects, *folders), 1)
        absent = [f"{number % 4:02x}{secrets.token_hex(31)}" for number in range(40)]
        asked = _recorded(monkeypatch, remote, "_look_at")
        assert remote.has_many([*sizes, *absent]) == sizes
        assert asked == []
        assert remote.has_many(list(folders)) == dict.fromkeys(folders, 1)
        assert sorted(asked) == sorted(folders)

    def test_a_large_remote_is_not_listed_for_a_few_objects(
        self, remote: DataRemote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("gitexp.objects.remotes.remote._A_PAGE", 1)
        first = "00" + "1" * 62
        _, path = _made(tmp_path, b"x")
        for number in range(3):
            remote.put(f"00{number + 1:062x}", path, _ignore)
        remote.put(first, path, _ignore)
        remote.flush()
        absent = [f"{number:02x}{secrets.token_hex(31)}" for number in range(40)]
        listed = _recorded(monkeypatch, remote, "_entries")
        assert remote.has_many([first, *absent]) == {first: 1}
        assert listed == ["00"]

    def test_an_upload_that_fails_leaves_no_object(self, remote: DataRemote, tmp_path: Path) -> None:
        if not self.can_stop(remote):
            pytest.skip("one request: it cannot be stopped half way")
        hash_, path = _made(tmp_path, os.urandom(3 << 20))
        with pytest.raises(errors.Interrupted):
            remote.put(hash_, path, _stop)
        remote.flush()
        assert remote.has_many([hash_]) == {}
        assert list(remote.list()) == []

    def test_a_download_can_be_ended_while_it_goes_on(self, remote: DataRemote, tmp_path: Path) -> None:
        hash_, path = _made(tmp_path, os.urandom(3 << 20))
        remote.put(hash_, path, _ignore)
        remote.flush()
        with pytest.raises(errors.Interrupted):
            remote.get(hash_, tmp_path / "got", _stop)
        assert remote.has_many([hash_]) == {hash_: 3 << 20}

    def test_what_is_there_is_replaced(self, remote: DataRemote, tmp_path: Path) -> None:
        hash_, path = _made(tmp_path, b"right")
        _, wrong = _made(tmp_path, b"half")
        for source in (wrong, path):
            remote.put(hash_, source, _ignore)
            remote.flush()
        assert remote.has_many([hash_]) == {hash_: 5}

    def test_what_is_damaged_is_not_passed_on(self, remote: DataRemote, tmp_path: Path) -> None:
        hash_, path = _made(tmp_path, b"right")
        path.write_bytes(b"wrong")
        with pytest.raises(errors.DamagedObject):
            remote.send(hash_, path, _ignore)
        assert remote.has_many([hash_]) == {}
        remote.put(hash_, path, _ignore)
        remote.flush()
        with pytest.raises(errors.DamagedObject):
            remote.receive(hash_, tmp_path / "got", _ignore)


class ExecutorContract:
    """The contract of every `Executor`. Fixture: `executor`, to work on this machine's files."""

    @pytest.fixture
    def executor(self) -> Any:
        raise NotImplementedError("a fixture `executor` with an executor")

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        """A repository with a commit of params.yaml and metrics.json."""
        root = tmp_path / "project"
        root.mkdir()
        (root / "params.yaml").write_text("lr: 0.1\n")
        (root / "metrics.json").write_text('{"loss": 9}\n')
        _commit_all(root)
        return Project.open(root)

    def test_a_command_runs_in_its_folder_with_its_name(self, project: Project, executor: Executor) -> None:
        program = "import json, os; json.dump({'name': os.environ['GITEXP_NAME']}, open('seen.json', 'w'))"
        ended, experiment = _carried_out(project, executor, program, name="one")
        assert (ended.exit_code, ended.interrupted, ended.signal) == (0, False, None)
        assert experiment.record.status is Status.DONE
        assert json.loads((project.repo.root / "seen.json").read_text()) == {"name": "one"}

    def test_what_it_reads_is_set_and_what_it_writes_is_stored(
        self, project: Project, executor: Executor
    ) -> None:
        program = "text = open('params.yaml').read(); open('metrics.json', 'w').write('{\"loss\": 0.5}')\n"
        program += "assert text == 'lr: 0.2\\n', text"
        _, experiment = _carried_out(project, executor, program, overrides=("lr=0.2",))
        assert experiment.record.exit_code == 0
        assert experiment.record.params == {"params.yaml": {"lr": 0.2}}
        assert experiment.record.metrics == {"metrics.json": {"loss": 0.5}}

    @pytest.mark.parametrize("code", [1, 3, 255])
    def test_the_exit_code_is_passed_on(self, project: Project, executor: Executor, code: int) -> None:
        ended, experiment = _carried_out(project, executor, f"raise SystemExit({code})")
        assert (ended.exit_code, experiment.record.exit_code) == (code, code)
        assert experiment.record.status is Status.FAILED

    @pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
    def test_death_by_a_signal_has_the_exit_code_of_a_shell(
        self, project: Project, executor: Executor
    ) -> None:
        ended, experiment = _carried_out(project, executor, "import os; os.kill(os.getpid(), 9)")
        assert (ended.exit_code, experiment.record.exit_code) == (128 + 9, 128 + 9)

    def test_both_outputs_are_logged(self, project: Project, executor: Executor) -> None:
        program = "import sys; print('to stdout', flush=True); print('to stderr', file=sys.stderr)"
        logged: list[bytes] = []
        _carried_out(project, executor, program, lambda ended: logged.append(ended.state.log.read_bytes()))
        assert sorted(logged[0].split(b"\n")) == [b"", b"to stderr", b"to stdout"]

    def test_the_time_and_what_it_ran_on_are_told(self, project: Project, executor: Executor) -> None:
        ended, experiment = _carried_out(project, executor, "import time; time.sleep(0.05)")
        assert 0.05 <= ended.duration < 60
        assert experiment.record.duration == ended.duration

    def test_an_isolated_run_leaves_the_workspace_alone(self, project: Project, executor: Executor) -> None:
        program = "open('params.yaml', 'w').write('lr: 7\\n'); open('new', 'w').close()"
        ended, experiment = _carried_out(project, executor, program, temp=True)
        assert (ended.exit_code, experiment.record.status) == (0, Status.DONE)
        assert (project.repo.root / "params.yaml").read_text() == "lr: 0.1\n"
        assert not (project.repo.root / "new").exists()


class EngineContract:
    """The contract of every `Engine`. Fixture: `engine`, whose jobs see this machine's files.

    Attributes:
        patience: seconds for a job to be begun, or to end.
    """

    patience = 60.0

    @pytest.fixture
    def engine(self) -> Any:
        raise NotImplementedError("a fixture `engine` with an engine")

    def test_jobs_run_with_their_words_in_their_folder_with_their_variables(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        folder = tmp_path / "a folder"
        folder.mkdir()
        program = "import json, os, sys; open(sys.argv[1], 'w').write("
        program += "json.dumps([sys.argv[2:], os.getcwd(), os.environ['OWN'], os.environ['GITEXP_JOB']]))"
        odd = ["a b", "$HOME `id` 'x\"", "", "-n", "é\n%s"]
        jobs = []
        for name in ("one", "two"):
            words = [sys.executable, "-c", program, f"{name}.json", name, *odd]
            jobs.append(Job(name, words, str(folder), {"OWN": f"{name}'s"}))
        ids = engine.submit(jobs)
        self.wait(engine, ids)
        for job, id in zip(jobs, ids, strict=True):
            seen = json.loads((folder / f"{job.name}.json").read_text())
            assert seen == [[job.name, *odd], str(folder), f"{job.name}'s", id]

    def test_a_job_is_told_of_while_it_runs_and_has_ended_whatever_its_status(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        go_on = tmp_path / "go-on"
        program = "import os, sys, time\nprint('has begun', flush=True)\n"
        program += "while not os.path.exists(sys.argv[1]): time.sleep(0.02)\nsys.exit(3)"
        (id,) = engine.submit([Job("one", [sys.executable, "-c", program, str(go_on)], str(tmp_path))])
        self.wait(engine, [id], JobState.RUNNING)
        assert id in engine.poll([id, "unknown"])
        go_on.touch()
        self.wait(engine, [id])
        assert "has begun" in engine.log(id)
        assert engine.submit([]) in ([], ())
        assert engine.poll([]) == {}
        assert engine.capacity() >= 0

    def test_a_running_job_is_ended_by_sigterm(self, engine: Engine, tmp_path: Path) -> None:
        program = "import signal, sys, time\ndef end(*_): open(sys.argv[1] + '-told', 'w'); sys.exit()\n"
        program += "signal.signal(signal.SIGTERM, end); open(sys.argv[1], 'w')\nwhile True: time.sleep(0.05)"
        begun = tmp_path / "begun"
        words = [sys.executable, "-c", program, str(begun)]
        (id,) = engine.submit([Job("one", words, str(tmp_path))])
        _until(begun.exists, self.patience)
        engine.cancel([id, "unknown"])
        self.wait(engine, [id])
        _until((tmp_path / "begun-told").exists, self.patience)

    def test_of_many_jobs_all_are_run_and_those_that_wait_can_be_dropped(
        self, engine: Engine, tmp_path: Path
    ) -> None:
        program = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(0.2)"
        jobs = []
        for number in range(40):
            jobs.append(Job(str(number), [sys.executable, "-c", program, f"job-{number}"], str(tmp_path)))
        ids = engine.submit(jobs)
        assert len(set(ids)) == 40
        engine.cancel(ids[30:])
        self.wait(engine, ids)
        names = {path.name for path in tmp_path.iterdir()}
        assert names.issuperset(f"job-{number}" for number in range(30))
        assert "job-39" not in names

    def wait(self, engine: Engine, ids: Sequence[str], state: JobState = JobState.ENDED) -> None:
        """Wait until all jobs are in a state; fails after the patience of the contract."""

        def is_so() -> bool:
            reports = engine.poll(ids)
            return all(reports.get(id, GONE).state is state for id in ids)

        _until(is_so, self.patience, engine.interval)


class SourceContract:
    """What every `Source` does.

    Fixtures: `source`; `project`, a project with at least two experiments of that program.

    Attributes:
        name: the source's name in `gitexp.plugins`.
        prefix: where its refs are.
    """

    name: str
    prefix: str

    @pytest.fixture
    def source(self) -> Any:
        raise NotImplementedError("a fixture `source`")

    @pytest.fixture
    def project(self) -> Any:
        raise NotImplementedError("a fixture `project` with experiments of that program")

    def _refs(self, source: Source, project: Project) -> Sequence[ForeignRef]:
        return source.refs(list(project.repo.refs(self.prefix, fields=("refname", "objectname"))))

    def test_its_refs_are_told_apart_and_in_order(self, source: Source, project: Project) -> None:
        refs = self._refs(source, project)
        assert len(refs) > 1
        keys = [(ref.baseline, ref.name) for ref in refs]
        assert keys == sorted(set(keys))
        assert {ref.source for ref in refs} == {self.name}
        assert source.title

    def test_each_is_read_and_nothing_is_changed(self, source: Source, project: Project) -> None:
        before = list(project.repo.refs("refs/", fields=("refname", "objectname")))
        refs = self._refs(source, project)
        found = source.read(project, refs)
        for each, ref in zip(found, refs, strict=True):
            assert (each.name, each.id, each.source) == (ref.name, ref.commit, self.name)
        assert list(project.repo.refs("refs/", fields=("refname", "objectname"))) == before

    def test_only_those_asked_for_are_read(self, source: Source, project: Project) -> None:
        last = self._refs(source, project)[-1]
        (only,) = source.read(project, [last])
        assert only.id == last.commit
        assert source.read(project, []) == []
        assert source.refs([]) == []

    def test_what_is_no_commit_is_left_out(self, source: Source, project: Project) -> None:
        first, *others = self._refs(source, project)
        tree = project.repo.run("rev-parse", "HEAD^{tree}").decode().strip()
        found = source.read(project, [first._replace(commit=tree), *others])
        for each, ref in zip(found, others, strict=True):
            assert each.id == ref.commit


def _made(folder: Path, content: bytes) -> tuple[str, Path]:
    """The name that some content has as an object, and a file of it."""
    hash_ = hashlib.sha256(content).hexdigest()
    path = folder / f"made-{hash_}"
    path.write_bytes(content)
    return hash_, path


def _ignore(count: int) -> None:
    pass


def _stop(count: int) -> None:
    raise errors.Interrupted("enough")


def _recorded(monkeypatch: pytest.MonkeyPatch, remote: DataRemote, method: str) -> list[str]:
    """What a method of a remote is asked for from now on."""
    asked: list[str] = []
    original = getattr(remote, method)

    def record(name: str) -> Any:
        asked.append(name)
        return original(name)

    monkeypatch.setattr(remote, method, record)
    return asked


def _until(is_so: Callable[[], object], patience: float, interval: float = 0.02) -> None:
    """Wait until something is so; fails after some seconds."""
    deadline = time.monotonic() + patience
    while not is_so():
        assert time.monotonic() < deadline, "not in time"
        time.sleep(interval)


def _carried_out(
    project: Project,
    executor: Executor,
    program: str,
    look: Callable[[Ended], object] = lambda ended: None,
    **options: Any,
) -> tuple[Ended, Experiment]:
    """How a Python program ended, and the experiment; `look` sees the end before it is written down."""
    with contextlib.ExitStack() as held:
        null = held.enter_context(Path(os.devnull).open("wb")).fileno()
        request = RunRequest((sys.executable, "-c", program), stdout=null, stderr=null, **options)
        project.local.prepare()
        ready = prepare(project, request, held)
        live = begin(project, request, ready, held)
        ended = execute(live, executor)
        look(ended)
        return ended, end(live, ended)


class ImporterContract:
    """The contract of every `Importer`. Fixtures: `importer`; `place`, with runs that its tool has left."""

    @pytest.fixture
    def importer(self) -> Any:
        raise NotImplementedError("a fixture `importer` with an importer")

    @pytest.fixture
    def place(self) -> Any:
        raise NotImplementedError("a fixture `place` with a file or folder of the tool's")

    def test_it_knows_its_files_and_no_others(self, importer: Importer, place: Path, tmp_path: Path) -> None:
        assert importer.title
        assert importer.looks_for
        assert importer.finds(place)
        (tmp_path / "other").mkdir()
        (tmp_path / "other" / "notes.txt").write_text("nothing\n")
        for nothing in (tmp_path / "other", tmp_path / "other" / "notes.txt", tmp_path / "missing"):
            assert not importer.finds(nothing)
        with pytest.raises(errors.UsageError):
            list(importer.read(tmp_path / "other"))

    def test_each_reading_finds_the_same(self, importer: Importer, place: Path) -> None:
        first, second = runs_of(importer, place), runs_of(importer, place)
        assert first
        assert [(run.id, run.state) for run in first] == [(run.id, run.state) for run in second]
        assert len({run.id for run in first}) == len(first)

    def test_points_are_numbers_with_steps_and_can_be_read_twice(
        self, importer: Importer, place: Path
    ) -> None:
        for run in runs_of(importer, place):
            points = list(run.points())
            assert points == list(run.points()) or repr(points) == repr(list(run.points()))  # NaN
            for point in [*points, *run.system()]:
                assert type(point.step) is int
                assert {type(value) for value in point.values.values()} <= {float, int}

    def test_files_that_are_cut_short_are_reported_or_give_what_is_there(
        self, importer: Importer, place: Path, tmp_path: Path
    ) -> None:
        """Half of every file is missing: a run may be unreadable, or shorter, and nothing else happens."""
        copy = tmp_path / "copy"
        if place.is_dir():
            shutil.copytree(place, copy, symlinks=True)
        else:
            copy.mkdir()
            shutil.copy(place, copy)
        files = [path for path in copy.rglob("*") if path.is_file() and not path.is_symlink()]
        for path in files:
            os.truncate(path, path.stat().st_size // 2)
        with contextlib.suppress(errors.UsageError):
            for one in importer.read(copy if place.is_dir() else copy / place.name):
                if isinstance(one, ForeignRun):
                    list(one.points())
                    list(one.system())
                    one.run_files()
                else:
                    assert str(one)


def runs_of(importer: Importer, place: Path) -> list[ForeignRun]:
    """The runs that an importer can read."""
    return [one for one in importer.read(place) if isinstance(one, ForeignRun)]


class ExporterContract:
    """The contract of every `RunExporter`.

    Fixtures: `exporter`; `place`, a path (as text) with nothing there yet. `names_in` reads a place back.
    `project` and `experiments` come with the contract.
    """

    @pytest.fixture
    def exporter(self) -> Any:
        raise NotImplementedError("a fixture `exporter` with an exporter")

    @pytest.fixture
    def place(self, tmp_path: Path) -> str:
        """A path with nothing there yet."""
        return str(tmp_path / "exported")

    def names_in(self, place: str) -> list[str]:
        """The names of the experiments at a place, as the other tool or its format has them; sorted."""
        raise NotImplementedError("a method `names_in` that reads what was exported")

    @pytest.fixture
    def project(self, tmp_path: Path) -> Project:
        """The repository of `exported_project`."""
        return exported_project(tmp_path)

    @pytest.fixture
    def experiments(self, project: Project) -> list[Experiment]:
        """The experiments, the oldest first."""
        return sorted(readable(project.store.all()), key=lambda one: one.record.created)

    def test_all_are_written_and_twice_adds_nothing(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        assert exporter.title
        assert exporter.writes
        assert exporter.place
        before = _state_of(project)
        counts: list[int] = []
        done = exporter.write(project, experiments, place, counts.append)
        assert (done.written, done.known) == (len(experiments), 0)
        assert counts[-1:] == [len(experiments)]
        assert self.names_in(place) == sorted(one.name for one in experiments)
        again = exporter.write(project, experiments, place, _ignore)
        assert (again.written, again.known) == (0, len(experiments))
        assert self.names_in(place) == sorted(one.name for one in experiments)
        self.check_project(project, before)

    def check_project(self, project: Project, before: object) -> None:
        """Nothing of the project has changed; an exporter into the repository itself says otherwise."""
        assert _state_of(project) == before

    def test_new_ones_are_added(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        exporter.write(project, experiments[:2], place, _ignore)
        done = exporter.write(project, experiments, place, _ignore)
        assert (done.written, done.known) == (len(experiments) - 2, 2)
        assert self.names_in(place) == sorted(one.name for one in experiments)

    def test_a_dry_run_writes_nothing(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        done = exporter.write(project._replace(dry_run=True), experiments, place, _ignore)
        assert done.written == len(experiments)
        assert not os.path.lexists(place)

    def test_an_export_that_is_stopped_is_gone_on_with(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        def stop(count: int) -> None:
            if count >= 2:
                raise errors.Interrupted("enough")

        with pytest.raises(errors.Interrupted):
            exporter.write(project, experiments, place, stop)
        exporter.write(project, experiments, place, _ignore)
        assert self.names_in(place) == sorted(one.name for one in experiments)

    def test_what_is_missing_here_is_said_and_keeps_back_nothing_else(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        store = ObjectStore(project.local.objects)
        for each in list(store.hashes()):
            store.remove(each.hash)
        done = exporter.write(project, experiments, place, _ignore)
        assert any("model.bin" in remark for remark in done.remarks), done.remarks
        assert done.written == len(experiments)

    def test_a_foreign_file_stays(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        Path(place).write_text("of somebody else\n")
        with pytest.raises(errors.GitexpError):
            exporter.write(project, experiments, place, _ignore)
        assert Path(place).read_text() == "of somebody else\n"

    def test_an_unwritable_place_is_an_error(
        self, exporter: RunExporter, project: Project, experiments: list[Experiment], place: str
    ) -> None:
        """Below a file, where nobody may write; and in a folder that is read-only, except for root."""
        file, folder = Path(place).parent / "a-file", Path(place).parent / "read-only"
        file.write_text("x\n")
        folder.mkdir()
        folder.chmod(0o500)
        above = [file]
        if not os.access(folder, os.W_OK):
            above.append(folder)
        for each in above:
            with pytest.raises(errors.GitexpError):
                exporter.write(project, experiments, str(each / Path(place).name), _ignore)
        assert file.read_text() == "x\n"


def exported(exporter: RunExporter, project: Project, place: str) -> ExportedRuns:
    """The result of an export of all experiments of a project."""
    experiments = sorted(readable(project.store.all()), key=lambda one: one.record.created)
    return exporter.write(project, experiments, place, _ignore)


def exported_project(folder: Path) -> Project:
    """A new repository below a folder, with the experiments of `exported_experiments`."""
    root = folder / "project"
    root.mkdir()
    (root / "train.py").write_text("print('trained')\n")
    (root / "params.yaml").write_text("train: {lr: 0.1}\n")
    _commit_all(root)
    project = Project.open(root)
    project.local.prepare()
    exported_experiments(project, folder)
    return project


def _commit_all(root: Path) -> None:
    """Make a repository of a folder, with all its files in a first commit."""
    identity = ("-c", "user.name=Somebody", "-c", "user.email=somebody@example.invalid")
    for command in (("init", "-q"), ("add", "-A"), (*identity, "commit", "-q", "-m", "a project")):
        subprocess.run(["git", *command], cwd=root, check=True)  # noqa: S607 - the one of the PATH


def exported_experiments(project: Project, scratch: Path) -> None:
    """Put five experiments into a repository: ordinary, odd, failed, without metrics, with a large file."""
    curve = "".join(
        json.dumps({"_step": step, "_time": 1764489600 + step, "loss": 1 / (step + 1)}) + "\n"
        for step in range(10_000)
    )
    nested_params = {"params.yaml": {"train": {"lr": 0.1, "layers": [64, 32], "name": "größe"}}}
    _put_experiment(
        project,
        "ordinary",
        {
            "output.log": "trained: größe\n".encode(),
            SERIES: curve.encode(),
            "environment.txt": b"numpy==2.0\n",
        },
        params=nested_params,
        metrics={"metrics.json": {"loss": 0.25, "val": {"acc": 0.5}}},
        series=(SERIES,),
        tags=("best", "für später"),
        note="a note\nin two lines",
    )
    odd = b'{"_step":-1,"_time":1764489600,"x":"nan"}\n{"_step":7,"_time":1764489601,"x":"inf","y":2}\n'
    _put_experiment(
        project,
        "odd",
        {SERIES: odd},
        params={"params.yaml": {"a b": None, "=1+1": True, "ключ": "\u2028"}},
        metrics={"metrics.json": {"nan": float("nan"), "most": float("inf"), "text": "<b>", "huge": 2**70}},
        series=(SERIES,),
    )
    _put_experiment(project, "failed", {"output.log": b"\xff\x00"}, status=Status.FAILED, exit_code=3)
    _put_experiment(project, "without-metrics", {}, command=None, argv=None)
    folder = scratch / logged_artifacts.FOLDER
    folder.mkdir()
    (folder / "model.bin").write_bytes(bytes(range(256)) * 4096)
    (folder / "small.txt").write_text("small\n")
    stored = logged_artifacts.store_folder(project, folder, 1000)
    lock = project.repo.write_blob(logged_artifacts.as_lock(stored.large))
    blobs = {f"{logged_artifacts.FOLDER}/{name}": blob for name, blob in stored.blobs.items()}
    _put_experiment(project, "large", {}, {**blobs, f"{logged_artifacts.FOLDER}/{LOCK_FILE}": lock})


def _put_experiment(
    project: Project, name: str, texts: dict[str, bytes], blobs: dict[str, str] | None = None, **facts: Any
) -> None:
    """Store an experiment with files of its run."""
    repo = project.repo
    head = repo.head().commit
    tree = repo.resolve(head, "tree") or ""
    number = len(project.store.names())
    commit = repo.write_commit(tree, [head], f"{name} {number}\n")
    created = f"2025-10-23T10:4{number}:12.345Z"
    known: dict[str, Any] = {
        "command": "python train.py",
        "argv": ("python", "train.py"),
        "created": created,
        "finished": created.replace(":12.", ":52."),
        "duration": 40.0,
        "exit_code": 0,
        "user": "Änne O'Neil",
        "host": "machine",
    }
    record = Record(name, facts.pop("status", Status.DONE), commit, head, **{**known, **facts})
    files = {each: repo.write_blob(text) for each, text in texts.items()}
    made = project.store.record_tree(tree, {**files, **(blobs or {})})
    oid = repo.write_commit(made, [commit], records.encode(record, name))
    repo.update_refs([RefChange(PREFIX + name, None, oid)])


def _state_of(project: Project) -> object:
    """The refs and the files of the user's in a repository."""
    status = project.repo.run("status", "--porcelain", "--ignored")
    return list(project.repo.refs()), status
