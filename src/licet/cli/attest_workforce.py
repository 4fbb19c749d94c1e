"""`licet attest workforce`: the organization's side of a whole workforce in one signed file."""

import csv
import io
import secrets
import sys
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import track

from licet.cli.files import read_bytes, read_json, write_new
from licet.cli.options import AsJson
from licet.cli.output import say
from licet.cli.usage import UsageError
from licet.errors import InputError
from licet.fleet import Clock
from licet.parties import AttestedStatus, Relation
from licet.parties.evidence import CURRENT_STATEMENT, MAX_WORKFORCE_BYTES, CheckMethod, sign_workforce
from licet.terms import format_instant, is_country, parse_instant, require_id

_COLUMNS = (
    "id",
    "status",
    "relation",
    "checked_at",
    "method",
    "nationalities",
    "permanent_residencies",
    "valid_until",
)
_LISTS = ("nationalities", "permanent_residencies")
_DAYS = 7


def workforce(
    table: Annotated[Path, typer.Option("--csv", help="A table of your people; see docs/attesting.md.")],
    key: Annotated[Path, typer.Option(help="The file with the private key.")],
    issuer: Annotated[str, typer.Option(help="Your organization's id at the provider.")],
    audience: Annotated[str, typer.Option(help="The provider's gateway.")],
    out: Annotated[Path, typer.Option(help="A new file for what is signed.")],
    whole: Annotated[
        bool,
        typer.Option(
            "--whole", help="These are all of your people: whom you attested before is vouched for no longer."
        ),
    ] = False,
    status: Annotated[AttestedStatus | None, typer.Option(help="Where the table has no `status`.")] = None,
    relation: Annotated[Relation, typer.Option(help="Where the table has no `relation`.")] = Relation.EMPLOYEE,
    method: Annotated[CheckMethod, typer.Option(help="Where the table has no `method`.")] = CheckMethod.DOCUMENT_REVIEW,
    checked_at: Annotated[str | None, typer.Option(help="Where the table has none; now if not given.")] = None,
    signatory: Annotated[str, typer.Option(help="The role that signs; never a name.")] = "export compliance",
    days: Annotated[int, typer.Option(min=1, max=_DAYS, help="For how long it may be handed in.")] = _DAYS,
    as_json: AsJson = False,
) -> None:
    """Sign what you attest of all your people, from a table that needs no names."""
    private = read_json(key)
    name = private.get("kid")
    if not isinstance(name, str) or not isinstance(private.get("d"), str):
        raise InputError(f"expected a private JWK with a `kid` in `{key}`", code="bad_key_file")
    now = Clock().now().replace(microsecond=0)
    head = {
        "iss": require_id(issuer, "an organization"),
        "aud": audience,
        "iat": int(now.timestamp()),
        "exp": int((now + timedelta(days=days)).timestamp()),
        "jti": secrets.token_urlsafe(16),
        "statement_version": CURRENT_STATEMENT,
        "signatory": signatory,
        "relation": relation.value,
        "method": method.value,
        "checked_at": format_instant(now if checked_at is None else parse_instant(checked_at)),
        "whole": whole,
    }
    if status is not None:
        head["status"] = status.value
    lines = list(_lines(table, has_status=status is not None))
    signed = sign_workforce(head, lines, private, name)
    write_new(out, signed.decode() + "\n")
    counted = {"people": len(lines), "whole": whole, "file": str(out), "bytes": len(signed)}
    say(counted, f"signed: {len(lines):,} people, in {out}; hand it to the provider", as_json=as_json)


def _lines(table: Path, *, has_status: bool) -> Iterator[Mapping[str, Any]]:
    """The people of a table, each once; what is wrong is told with its line."""
    try:
        text = read_bytes(table, MAX_WORKFORCE_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise InputError(f"expected `{table}` to be a table in UTF-8", code="bad_table") from err
    rows = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    columns = tuple(rows.fieldnames or ())
    if "id" not in columns or not set(columns) <= set(_COLUMNS) or len(set(columns)) != len(columns):
        found = ", ".join(columns)
        raise InputError(
            f"expected the column `id` and others of {', '.join(_COLUMNS[1:])}, found {found}: no names are needed",
            code="bad_table",
        )
    if "status" not in columns and not has_status:
        raise UsageError("expected the column `status` in the table, or --status for everybody")
    seen: dict[str, int] = {}
    try:
        every = list(enumerate(rows, 2))
    except csv.Error as err:
        raise InputError(f"`{table}`: line {rows.line_num}: {err}", code="bad_table") from err
    for number, row in track(every, "reading", console=Console(file=sys.stderr), transient=True):
        try:
            line = _line(row)
        except (InputError, ValueError) as err:
            raise InputError(f"`{table}`, row {number}: {err}", code="bad_table") from err
        first = seen.setdefault(line["sub"], number)
        if first != number:
            raise InputError(f"`{table}`, row {number}: this person stands in row {first} already", code="bad_table")
        yield line


def _line(row: Mapping[str | None, Any]) -> dict[str, Any]:
    if None in row or None in row.values():
        raise InputError("expected as many fields as there are columns")
    members: dict[str, Any] = {name: value.strip() for name, value in row.items() if name and value.strip()}
    line = {"sub": require_id(members.pop("id", ""), "a person")}
    for name in _LISTS:
        if name in members:
            members[name] = members[name].replace(";", " ").split()
            for code in members[name]:
                if not is_country(code):
                    raise InputError(f"expected a country code such as `FR`, found `{code}`")
    for name in ("checked_at", "valid_until"):
        if name in members:
            members[name] = format_instant(parse_instant(members[name]))
    for name, kind in (("status", AttestedStatus), ("relation", Relation), ("method", CheckMethod)):
        if name in members and members[name] not in set(kind):
            expected = ", ".join(kind)
            raise InputError(f"expected `{name}` to be one of {expected}, found `{members[name]}`")
    return line | members
