"""Read records from an instance's files, and have it on record before anything is shown.

Whoever has the files and their key can read them with any tool; what is read through
licet leaves a record. Where the instance runs, it takes that record at once; where it
does not, the record waits in the store and goes into the log at the next start. A log
that is named by `--file` is a copy, which belongs to no instance.
"""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from licet.cli.files import read_text
from licet.cli.instance import find_directory, find_instance, token_file
from licet.cli.logs import open_log, store_of
from licet.cli.usage import UsageError
from licet.errors import LicetError, NotFoundError, UnavailableError
from licet.fleet import Clock, new_record_id
from licet.logwriter import LogReader, database_path
from licet.records import Record, RecordKind

Found = TypeVar("Found")


def read_noted(
    file: Path | None,
    directory: Path | None,
    act: str,
    wanted: Mapping[str, str],
    find: Callable[[LogReader], Found],
    count: Callable[[Found], int] = lambda _: 1,
) -> Found:
    """Read in the log of an instance, or in a copy, and give what was found once it is on record.

    Args:
        file: A copy of a log, or None.
        directory: The instance, if it is named so.
        act: Which reading it is, as `docs/people.md` names it.
        wanted: What is searched for.
        find: Reads.
        count: How many records were found.

    Raises:
        LicetError: it cannot be read, or not by them, or it could not be put on record.
    """
    if file is not None:
        with open_log(file, directory) as reader:
            return find(reader)
    found_in = _directory(directory)
    with open_log(database_path(found_in), found_in) as reader:
        try:
            found = find(reader)
        except NotFoundError:
            _note(found_in, act, wanted, 0)
            raise
    _note(found_in, act, wanted, count(found))
    return found


def _directory(directory: Path | None) -> Path:
    try:
        return find_directory(directory)
    except UsageError as err:
        raise UsageError("records are read from the log's file: give --dir, --file, or set LICET_DIR") from err


def _note(directory: Path, act: str, wanted: Mapping[str, str], results: int) -> None:
    body = {"act": act, "search": dict(wanted), "results": results}
    try:
        find_instance(directory).post("/records/readings", body)
    except UnavailableError as err:
        if err.code != "not_running":
            raise
        _hold(directory, act, wanted, results)


def _hold(directory: Path, act: str, wanted: Mapping[str, str], results: int) -> None:
    """Leave the record in the store, from where the instance delivers it when it starts."""
    at = Clock().now()
    body = {"act": act, "by": _reader(directory), "effect": "neutral", "search": dict(wanted), "results": results}
    record = Record(new_record_id(at), at, RecordKind.ADMINISTRATIVE, {**body, "feed": [], "while": "not running"})
    with store_of(directory) as store, store.write() as tx:
        tx.hold_entry(record.id, record.to_bytes())


def _reader(directory: Path) -> str:
    """Who reads: the administrator whose token is at hand, else an account of this machine."""
    try:
        token = os.environ.get("LICET_TOKEN") or read_text(token_file(directory)).strip()
        with store_of(directory) as store, store.read() as tx:
            holder = tx.people.holder(token)
    except LicetError:
        holder = None
    return f"account:{os.getuid()}" if holder is None else holder.name


def search_words(**members: object) -> dict[str, str]:
    """What was searched for, as texts, without what was not given."""
    given = {name: value for name, value in members.items() if value is not None and value is not False}
    return {name: "true" if value is True else str(value) for name, value in given.items()}
