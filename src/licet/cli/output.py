"""What a command prints: JSON for machines, sentences for people; `licet.cli.tables` has the tables.

Names come from files and from other people, so whatever could steer a terminal
is shown as a mark, and nothing is read as markup. A stop waits for what is imported here.
"""

import json
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from licet.errors import DocumentError, LicetError

_UNSEEN = "\N{REPLACEMENT CHARACTER}"


def print_json(value: object) -> None:
    """Print one JSON value on one line."""
    sys.stdout.write(_json(value) + "\n")
    sys.stdout.flush()


def say(value: object, *sentences: str, as_json: bool) -> None:
    """Print the value, or the sentences in its place."""
    if as_json:
        print_json(value)
    else:
        sys.stdout.write("".join(f"{printable(sentence)}\n" for sentence in sentences))
        sys.stdout.flush()


def say_done(answer: Mapping[str, Any], *sentences: str, as_json: bool) -> None:
    """Print what became of an act, and its place in the record; or that it waits for a second person."""
    notes = [f"record: {answer['record']}"]
    if "pending" in answer:
        name = answer["pending"]["id"]
        sentences = (
            f"proposed, and not done: `{answer['pending']['act']}` takes a second person",
            f"they read it with `licet pending show {name}`, and then `licet pending approve {name}` or `refuse`",
            f"it can be approved until {answer['pending']['expires_at']}",
        )
    if answer.get("approved_by"):
        notes.append(f"approved by {answer['approved_by']}")
    if answer.get("silent_workers"):
        silent = ", ".join(map(str, answer["silent_workers"]))
        notes.append(f"note: workers that have not said yet that they decide by it: {silent}; see `licet status`")
    if answer.get("loosened_by_one_person"):
        notes.append(f"note: one administrator loosened this alone. {answer['notice']}")
    say(answer, *sentences, *notes, as_json=as_json)


def spell(value: object) -> str:
    """A value as a person reads it."""
    match value:
        case None:
            return "-"
        case bool():
            return "yes" if value else "no"
        case str():
            return printable(" ".join(value.splitlines()))  # one line, or it would look like another row
        case Mapping():
            return ", ".join(f"{printable(str(name))}: {spell(member)}" for name, member in value.items()) or "-"
        case list() | tuple():
            return ", ".join(map(spell, value)) or "-"
        case _:
            return printable(str(value))


def printable(text: str) -> str:
    """The text without anything that could steer a terminal; line ends and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else _UNSEEN for c in text)


def complain(err: LicetError, *, as_json: bool) -> None:
    """Print an error on the error channel: the faults of a document first, one a line."""
    faults = err.faults if isinstance(err, DocumentError) else ()
    if as_json:
        error: dict[str, object] = {"code": err.code, "message": str(err)}
        if isinstance(err, DocumentError):
            error |= {"file": err.name, "faults": [fault._asdict() for fault in faults]}
        sys.stderr.write(_json({"error": error}) + "\n")
        return
    message = str(err)
    if isinstance(err, DocumentError):
        for fault in faults:
            sys.stderr.write(printable(f"{err.name}:{fault.line}: {fault.path}: {fault.message}") + "\n")
        message = f"`{err.name}` has {len(faults)} fault{'s' if len(faults) != 1 else ''}"
    sys.stderr.write(f"error: {printable(' '.join(message.split()))} [{err.code}]\n")


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_builtins)


def _builtins(value: object) -> Any:
    """What is no JSON as it stands, such as an instant or a struct; few commands print any."""
    return import_module("msgspec").to_builtins(value)
