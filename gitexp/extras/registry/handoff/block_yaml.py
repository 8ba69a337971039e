"""Plain values as YAML in block style, for the files of other tools."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gitexp.files.formats.yaml_write import flow_text, key_text
from gitexp.model import Value


def text_of(tree: Mapping[str, Value]) -> str:
    """The text of a map."""
    return "\n".join(_lines(tree, "")) + "\n"


def _lines(tree: Mapping[str, Value], indent: str) -> list[str]:
    found = []
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            found += [f"{indent}{key_text(key)}:", *_lines(value, f"{indent}  ")]
        elif isinstance(value, Sequence) and not isinstance(value, str) and value:
            found.append(f"{indent}{key_text(key)}:")
            for item in value:
                found += _item(item, indent)
        else:
            found.append(f"{indent}{key_text(key)}: {flow_text(value)}")
    return found


def _item(item: Value, indent: str) -> list[str]:
    """The lines of an item of a list."""
    if not isinstance(item, Mapping) or not item:
        return [f"{indent}- {flow_text(item)}"]
    first, *others = _lines(item, f"{indent}  ")
    return [f"{indent}- {first.strip()}", *others]
