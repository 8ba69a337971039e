"""The tests that every data remote, executor, engine, source, importer and exporter must pass: gitexp's own
and yours.

Each contract is a class. Derive a test class from it in a module of your tests and give it the fixtures
that it names:

    class TestMyRemote(DataRemoteContract):
        @pytest.fixture
        def remote(self, tmp_path):
            return MyRemote("store", str(tmp_path / "remote"))

This package needs pytest, which gitexp does not install; nothing in gitexp imports it.
"""

from gitexp.testing.data_remotes import DataRemoteContract as DataRemoteContract
from gitexp.testing.engines import EngineContract as EngineContract
from gitexp.testing.executors import ExecutorContract as ExecutorContract
from gitexp.testing.exporters import ExporterContract as ExporterContract
from gitexp.testing.exporters import exported as exported
from gitexp.testing.importers import ImporterContract as ImporterContract
from gitexp.testing.importers import runs_of as runs_of
from gitexp.testing.repositories import exported_experiments as exported_experiments
from gitexp.testing.repositories import exported_project as exported_project
from gitexp.testing.sources import SourceContract as SourceContract
