"""`licet record` and `licet log`: what was written down, read from the log's own file.

No service is needed for it: whoever may read the file can search and verify it.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.instance import find_directory
from licet.cli.options import AsJson, Dir, UsageError
from licet.cli.output import members_table, print_json, print_table, rows_table, say, show_rows
from licet.errors import InputError
from licet.logwriter import Search, StoredRow, database_path, open_reader, verify_log
from licet.records import HASH_BYTES, ChainHead, RecordKind
from licet.terms import RecordId, parse_instant

_File = Annotated[Path | None, typer.Option("--file", help="A log's file, such as a copy, instead of the instance's.")]
_COLUMNS = ("sequence", "at", "id", "kind", "what", "item", "party", "organization", "code")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    record = typer.Typer(help="Records: what was decided and done.")
    record.command("list")(list_found)
    record.command("show")(show)
    app.add_typer(record, name="record")
    log = typer.Typer(help="The log that the records form.")
    log.command("verify")(verify)
    app.add_typer(log, name="log")


def list_found(
    kind: Annotated[RecordKind | None, typer.Option(help="What the record is about.")] = None,
    item: Annotated[str | None, typer.Option(help="An item's id.")] = None,
    party: Annotated[str | None, typer.Option(help="A party's id.")] = None,
    organization: Annotated[str | None, typer.Option(help="An organization's id.")] = None,
    decision: Annotated[str | None, typer.Option(help="The decision that a cut ended.")] = None,
    since: Annotated[str | None, typer.Option(help="An instant, included.")] = None,
    until: Annotated[str | None, typer.Option(help="An instant, not included.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="At most so many.")] = 100,
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """List records, newest first."""
    wanted = Search(
        kind=kind,
        item=item,
        party=party,
        organization=organization,
        decision=decision,
        since=None if since is None else parse_instant(since),
        until=None if until is None else parse_instant(until),
        limit=limit,
    )
    with open_reader(_log_file(file, directory)) as reader:
        found = [_as_value(row) for row in reader.search(wanted)]
    show_rows(
        found if as_json else [_in_short(row) for row in found], _COLUMNS, as_json=as_json, none="no record found"
    )


def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="A record's id, as the header licet-decision gives it.")],
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Show one record, and its place in the log."""
    with open_reader(_log_file(file, directory)) as reader:
        value = _as_value(reader.find(RecordId(record)))
    if as_json:
        print_json(value)
        return
    body = value.pop("body") or {}
    print_table(members_table({**value, **body}))


def verify(
    head: Annotated[
        str | None, typer.Option(help="LENGTH:HASH of a head that was true once, such as an earlier run printed.")
    ] = None,
    file: _File = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Check every record of the log against its hash, and say where it does not hold."""
    expected = None if head is None else _read_head(head)
    report = verify_log(_log_file(file, directory), expected)
    faults = [{"sequence": x.sequence, "record": x.record_id, "what": x.what.value} for x in report.faults]
    value = {"whole": report.is_whole, "length": report.length, "head": report.head.hex(), "faults": faults}
    if as_json:
        print_json(value)
    else:
        say(None, f"{report.length} records, head {report.length}:{report.head.hex()}", as_json=False)
        if faults:
            print_table(rows_table(faults, ("sequence", "record", "what")))
        say(None, "the log is whole" if report.is_whole else f"{len(faults)} fault(s) found", as_json=False)
    if not report.is_whole:
        raise typer.Exit(1)


def _log_file(file: Path | None, directory: Path | None) -> Path:
    if file is not None:
        return file
    try:
        return database_path(find_directory(directory))
    except UsageError as err:
        raise UsageError("records are read from the log's file: give --dir, --file, or set LICET_DIR") from err


def _as_value(row: StoredRow) -> dict[str, Any]:
    """A row; one whose entry cannot be read is shown as damaged, and hides no other."""
    value: dict[str, Any] = {"sequence": row.sequence, "id": row.id, "at": row.at, "kind": row.kind}
    try:
        return {**value, "hash": row.hash.hex(), "damaged": False, "body": dict(row.record().body)}
    except InputError:
        return {**value, "hash": row.hash.hex(), "damaged": True, "body": None}


def _in_short(value: dict[str, Any]) -> dict[str, Any]:
    body = value["body"] or {}
    what = "damaged" if value["damaged"] else body.get("outcome") or body.get("act") or body.get("decision")
    shown = {name: body.get(name) for name in ("party", "organization", "code")}
    return {**value, **shown, "what": what, "item": body.get("item") or body.get("items")}


def _read_head(text: str) -> ChainHead:
    length, _, digest = text.partition(":")
    try:
        found = ChainHead(int(length), bytes.fromhex(digest))
    except ValueError as err:
        raise UsageError(f"expected a head as LENGTH:HASH, found `{text}`") from err
    if found.length < 0 or len(found.hash) != HASH_BYTES:
        raise UsageError(f"expected a head as LENGTH:HASH, found `{text}`")
    return found
