"""The names of tags about models, in the grammar of GTO: `name@v1.2.3`, `name#stage#N` and their opposites.

    name@v1.2.3          registers a version          name@v1.2.3!        takes it back
    name#stage#4         assigns a stage              name#stage!#5       takes it back
    name@deprecated      deprecates the model

N counts the changes of one model. GTO writes each form with and without it. A name may have a folder in
front, with `:` between the two, which is `=` in a tag.
"""

from __future__ import annotations

from enum import StrEnum

from gitexp.named_tuple import NamedTuple
from gitexp.regex import regex

PREFIX = "refs/tags/"

_WORD = r"[a-zA-Z0-9](?:[a-zA-Z0-9/_-]*[a-zA-Z0-9])?"
_FOLDER = r"[a-zA-Z0-9_./-]+"
_NUMBER = r"(?:0|[1-9][0-9]*)"
_PART = r"(?:0|[1-9][0-9]*|[0-9]*[a-zA-Z-][0-9a-zA-Z-]*)"
VERSION = (
    rf"v{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-{_PART}(?:\.{_PART})*)?(?:\+[0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*)?"
)
_TAG = regex(
    rf"(?P<model>(?:{_FOLDER}=)?{_WORD})"
    rf"(?:(?:\#(?P<stage>{_WORD})|@(?P<version>{VERSION}))(?P<back>!?)|@(?P<deprecated>deprecated))"
    r"(?:\#(?P<number>[0-9]{1,9}))?"
)
_MODEL = regex(rf"(?:{_FOLDER}:)?{_WORD}")
_STAGE = regex(_WORD)
_LONGEST = 400  # characters; a ref is a file, and its folders are too


class TagAction(StrEnum):
    """The meaning of a tag about a model."""

    REGISTER = "registered"
    DEREGISTER = "deregistered"
    ASSIGN = "assigned"
    UNASSIGN = "unassigned"
    DEPRECATE = "deprecated"


class ModelTag(NamedTuple):
    """The name of a tag about a model.

    Attributes:
        model: the name of the model, with `:` behind a folder.
        action: the meaning of the tag.
        version: the version, like `v1.2.3`; "" for other tags.
        stage: the stage; "" for other tags.
        number: the N of the tag; 0 without one.
    """

    model: str
    action: TagAction
    version: str = ""
    stage: str = ""
    number: int = 0

    @property
    def text(self) -> str:
        """The name of the tag in Git."""
        name = self.model.replace(":", "=")
        back = ""
        if self.action in (TagAction.DEREGISTER, TagAction.UNASSIGN):
            back = "!"
        text = f"{name}@deprecated"
        if self.version:
            text = f"{name}@{self.version}{back}"
        elif self.stage:
            text = f"{name}#{self.stage}{back}"
        if self.number:
            text += f"#{self.number}"
        return text

    @property
    def ref(self) -> str:
        """The ref of the tag."""
        return PREFIX + self.text


def parse(tag: str) -> ModelTag | None:
    """The parts of a tag's name; None for a tag about something else."""
    found = _TAG.fullmatch(tag) if len(tag) <= _LONGEST else None
    if found is None:
        return None
    model, number = found["model"].replace("=", ":"), int(found["number"] or 0)
    if found["deprecated"]:
        return ModelTag(model, TagAction.DEPRECATE, number=number)
    if found["version"]:
        action = TagAction.DEREGISTER if found["back"] else TagAction.REGISTER
        return ModelTag(model, action, version=found["version"], number=number)
    action = TagAction.UNASSIGN if found["back"] else TagAction.ASSIGN
    return ModelTag(model, action, stage=found["stage"], number=number)


def of_ref(ref: str) -> ModelTag | None:
    """The same for the full name of a ref."""
    return parse(ref.removeprefix(PREFIX)) if ref.startswith(PREFIX) else None


def is_model(name: str) -> bool:
    """Whether a model can have this name."""
    return len(name) <= _LONGEST // 2 and _MODEL.fullmatch(name) is not None


def is_stage(name: str) -> bool:
    """Whether a stage can have this name."""
    return len(name) <= _LONGEST // 4 and _STAGE.fullmatch(name) is not None
