"""Asks Hydra, inside the Python of the user's project; started as a script, and never imported by gitexp.

That Python has the user's structured configs, resolvers and plugins, and may be older than gitexp's. The
question comes as JSON on stdin. The answer goes as JSON into the file that the question names: what the
user's own code prints on its way is no part of the answer.
"""

from __future__ import annotations

import importlib
import json
import os
import runpy
import sys
import tempfile
from pathlib import Path
from typing import Any

_NO_HYDRA = 3  # the exit status without Hydra

try:
    from hydra import compose, initialize_config_dir
    from hydra._internal import hydra as running
    from hydra._internal.core_plugins.basic_sweeper import BasicSweeper
    from hydra.core.global_hydra import GlobalHydra
    from hydra.core.override_parser.overrides_parser import OverridesParser
    from hydra.core.plugins import Plugins
    from omegaconf import OmegaConf, open_dict, read_write
except ImportError:
    sys.exit(_NO_HYDRA)

_OWN_SWEEPER = "hydra._internal.core_plugins.basic_sweeper.BasicSweeper"
_OWN_LAUNCHER = "hydra._internal.core_plugins.basic_launcher.BasicLauncher"


class _Answered(BaseException):
    """The answer is complete: the rest of the user's script must not run."""


class _Listener:
    """In place of Hydra's launcher: hears the jobs, and starts none."""

    def __init__(self) -> None:
        self.jobs: list[list[str]] = []

    def launch(self, job_overrides: Any, initial_job_idx: int) -> list[Any]:
        """Take some jobs down."""
        self.jobs.extend(map(list, job_overrides))
        return []


def main() -> None:
    """Answer one question."""
    sys.dont_write_bytecode = True  # a question leaves nothing in the folders of the user
    question = json.load(sys.stdin)
    if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
        del sys.path[0]
    sys.path.insert(0, question["import_from"])
    answer: dict[str, Any] = {}
    try:
        if "script" in question:
            _ask_for_jobs(question, answer)
        else:
            _compose(question, answer)
    except _Answered:
        pass
    except (Exception, SystemExit) as error:
        answer["error"] = _described(error)
    Path(question["answer"]).write_text(json.dumps(answer), "utf-8")


def _ask_for_jobs(question: dict[str, Any], answer: dict[str, Any]) -> None:
    """Run the user's script as Hydra would, up to the point where Hydra starts the jobs."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # so that errors come here
    instantiate = Plugins.instantiate_sweeper

    def ask_sweeper(self: Any, *, config: Any, **others: Any) -> Any:
        sweeper, launcher = config.hydra.sweeper._target_, config.hydra.launcher._target_
        answer["sweeper"] = "" if sweeper == _OWN_SWEEPER else sweeper
        answer["launcher"] = "" if launcher == _OWN_LAUNCHER else launcher
        if answer["sweeper"]:
            raise _Answered
        with tempfile.TemporaryDirectory() as folder:  # Hydra writes multirun.yaml
            with read_write(config), open_dict(config):
                config.hydra.launcher = {"_target_": _OWN_LAUNCHER}
                config.hydra.sweep.dir = folder
            asked = instantiate(self, config=config, **others)
            asked.launcher = _Listener()
            split = asked.split_arguments

            def note_empty(overrides: Any, most: Any) -> Any:
                _note_empty(overrides, asked.hydra_context.config_loader, answer)
                return split(overrides, most)

            asked.split_arguments = note_empty
            asked.sweep(arguments=list(config.hydra.overrides.task))
        answer["jobs"] = asked.launcher.jobs
        raise _Answered

    def run_once(self: Any, *args: Any, **others: Any) -> None:
        answer["jobs"] = [[]]
        answer["launcher"] = ""
        raise _Answered

    # On the classes that Hydra itself takes; those of its plugins are loaded anew by their files.
    Plugins.instantiate_sweeper = ask_sweeper
    running.Hydra.run = run_once
    sys.argv = [question["script"], *question["words"]]
    if question["module"]:
        runpy.run_module(question["module"], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(question["script"], run_name="__main__")


def _compose(question: dict[str, Any], answer: dict[str, Any]) -> None:
    """Compose configurations, or list the jobs of overrides with several values."""
    for module in question["imports"]:
        importlib.import_module(module)
    with initialize_config_dir(version_base=None, config_dir=question["config_dir"]):
        if "sweep" in question:
            loader = GlobalHydra.instance().config_loader()
            overrides = OverridesParser.create(config_loader=loader).parse_overrides(question["sweep"])
            _note_empty(overrides, loader, answer)
            answer["jobs"] = BasicSweeper.split_arguments(overrides, None)[0]
            return
        composed = []
        for overrides in question["compose"]:
            config = compose(config_name=question["config_name"], overrides=list(overrides))
            composed.append(OmegaConf.to_yaml(config, resolve=True))
        answer["composed"] = composed


def _note_empty(overrides: list[Any], loader: Any, answer: dict[str, Any]) -> None:
    """Note the overrides whose sweep has no value: with one of them there are no jobs."""
    for one in overrides:
        if one.is_sweep_override() and one.is_discrete_sweep() and not list(one.sweep_string_iterator()):
            group = one.key_or_group
            answer["empty"] = {
                "override": one.input_line,
                "group": group,
                "options": loader.get_group_options(group),
                "groups": loader.list_groups(""),
            }


def _described(error: BaseException) -> dict[str, str]:
    """The kind of an error, and its text with that of its cause."""
    texts = [str(error)]
    if error.__cause__ is not None:
        texts.append(str(error.__cause__))
    module = type(error).__module__.partition(".")[0]
    override = str(getattr(error, "override", None) or "")
    return {"kind": type(error).__name__, "from": module, "text": "\n".join(texts), "override": override}


if __name__ == "__main__":
    main()
