"""Read YAML strictly, remembering the line of every value.

A subset of YAML 1.2: no anchors or aliases (a small file could stand for a huge
one), no tags, no duplicate names, and only `null`, `true`, `false` and whole
numbers are anything but text. In YAML 1.1 the country code `NO` would be false
and a timestamp without an offset would pass.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import yaml

from licet.errors import DocumentError, Fault

Value: TypeAlias = "dict[str, Value] | list[Value] | str | int | bool | None"
Path: TypeAlias = tuple[str | int, ...]

MAX_CHARACTERS = 200_000
_MAX_DEPTH = 32
_WORDS: dict[str, bool | None] = {"null": None, "~": None, "": None, "true": True, "false": False}
_WHOLE = re.compile(r"-?(0|[1-9][0-9]{0,17})")


@dataclass(frozen=True, slots=True)
class Document:
    """A file's value and the line on which each part of it stands, from 1."""

    name: str
    value: Value
    lines: Mapping[Path, int]

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest part that exists."""
        while path and path not in self.lines:
            path = path[:-1]
        return self.lines.get(path, 1)

    def fault(self, path: Path, message: str) -> Fault:
        """Point at a part of the file."""
        return Fault(self.line(path), ".".join(map(str, path)) or "(whole file)", message)


def read_document(text: str, name: str) -> Document:
    """Parse one YAML document.

    Raises:
        DocumentError: it is not YAML, or uses what this subset refuses.
    """
    if len(text) > MAX_CHARACTERS:
        raise DocumentError(name, (Fault(1, "(whole file)", f"expected at most {MAX_CHARACTERS:,} characters"),))
    try:
        _refuse_costly(text, name)
        root = yaml.compose(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as err:
        line = err.problem_mark.line + 1 if err.problem_mark else 1
        raise DocumentError(name, (Fault(line, "(whole file)", f"not YAML: {err.problem}"),)) from err
    except (yaml.YAMLError, RecursionError) as err:
        raise DocumentError(name, (Fault(1, "(whole file)", f"not YAML: {err}"),)) from err
    if root is None:
        raise DocumentError(name, (Fault(1, "(whole file)", "expected a document, found an empty file"),))
    lines: dict[Path, int] = {}
    return Document(name, _build(root, (), lines, name), lines)


def _refuse_costly(text: str, name: str) -> None:
    """Stop at the first event this subset refuses, before anything is built.

    Nesting comes first: the scanner's own time grows with the square of it.
    """
    depth = 0
    for event in yaml.parse(text, yaml.SafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        refused = None
        if depth > _MAX_DEPTH:
            refused = f"at most {_MAX_DEPTH} levels"
        elif isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            refused = "no anchors or aliases"
        elif getattr(event, "tag", None):
            refused = "no tags"
        if refused is not None:
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise DocumentError(name, (Fault(line, "(whole file)", f"expected {refused}"),))


def _build(node: yaml.Node, path: Path, lines: dict[Path, int], name: str) -> Value:
    line = node.start_mark.line + 1
    lines.setdefault(path, line)
    where = ".".join(map(str, path)) or "(whole file)"
    if isinstance(node, yaml.ScalarNode):
        if any("\ud800" <= c <= "\udfff" for c in node.value):
            raise DocumentError(name, (Fault(line, where, "expected whole characters, found half of one"),))
        return _scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return [_build(child, (*path, index), lines, name) for index, child in enumerate(node.value)]
    members: dict[str, Value] = {}
    for key_node, child in node.value:
        key_line = key_node.start_mark.line + 1
        if not isinstance(key_node, yaml.ScalarNode) or key_node.tag == "tag:yaml.org,2002:merge":
            raise DocumentError(name, (Fault(key_line, where, "expected a plain name before the colon"),))
        key = key_node.value
        if key in members:
            raise DocumentError(name, (Fault(key_line, where, f"expected each name once, found `{key}` again"),))
        lines[(*path, key)] = key_line
        members[key] = _build(child, (*path, key), lines, name)
    return members


def _scalar(node: yaml.ScalarNode) -> Value:
    text: str = node.value
    if node.style in {"'", '"', "|", ">"}:
        return text
    if text in _WORDS:
        return _WORDS[text]
    return int(text) if _WHOLE.fullmatch(text) else text
