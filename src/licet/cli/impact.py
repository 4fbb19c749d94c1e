"""`licet impact`: whom a draft would reach, before it is in force.

It reads the store of an instance itself, in a process of its own: an estimate over a
million parties must not take the time of the process that decides. The instance is
only asked which of the answers it is giving the draft would cut.
"""

import csv
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress

from licet.app import Places, read_config
from licet.cli.directives import send_file
from licet.cli.files import read_text, write_new
from licet.cli.impact_page import page_of, require_charts
from licet.cli.instance import find_directory, find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say
from licet.cli.tables import print_table, rows_table
from licet.decisions import RowKind, Snapshot, Stop, usable_rule
from licet.directives import (
    Enrolled,
    PolicyBundle,
    as_if_in_force,
    compile_policy,
    from_document,
    parse_directive,
    with_draft,
)
from licet.errors import InputError, LicetError
from licet.fleet import Clock
from licet.items import Catalogue, Item
from licet.law import read_law
from licet.licenses import Holder, License
from licet.parties import Organization, Party, Standing
from licet.proofs import Assessor, StandingShapes, assess
from licet.records import SINGLE_PERSON
from licet.stores import Store, Transaction
from licet.terms import PartyId, format_instant, is_country

_FRESH = timedelta(days=1)
_ROWS = ("item", "band", "outcome", "persons", "persons_losing", "machines_of", "organizations", "countries")
_COUNTRIES = ("country", "loses_verified", "loses_inferred", "loses_unknown", "asked", "loses_nothing")
_SHOWN = 20
_Watch = Callable[[int], None]


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("impact")(impact)


def impact(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A directive file: the draft.")],
    html: Annotated[
        Path | None, typer.Option(metavar="OUT", help="Write a page with a chart, one new file.", show_default=False)
    ] = None,
    billing: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Countries of bills, by `id` and `country`.", show_default=False)
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Estimate whom a draft would reach: verified, inferred, unknown. Nothing is decided on it."""
    if html is not None:
        require_charts()
    bills = {} if billing is None else _bills(billing)
    value = _assessed(find_directory(directory), file, bills)
    if html is not None:
        write_new(html, page_of(value))
    if as_json:
        print_json(value)
    else:
        _show(value)


def _bills(path: Path) -> dict[str, str]:
    """Countries by id, from a file with the columns `id` and `country`."""
    rows = csv.DictReader(read_text(path).splitlines())
    if rows.fieldnames is None or not {"id", "country"} <= set(rows.fieldnames):
        raise InputError(f"expected `{path}` to have the columns `id` and `country`", code="bad_billing")
    found: dict[str, str] = {}
    for row in rows:
        name, country = row["id"] or "", row["country"] or ""
        if not name or not is_country(country) or found.setdefault(name, country) != country:
            raise InputError(
                f"expected an id and one ISO country code for it in line {rows.line_num} of `{path}`, "
                f"found `{name}` and `{country}`",
                code="bad_billing",
            )
    return found


def _assessed(directory: Path, file: Path, bills: Mapping[str, str]) -> dict[str, Any]:
    text = read_text(file)
    store, at = Store(read_config(Places(directory).config).store_url), Clock().now()
    with closing(store), store.read() as tx:
        notice = {"notice": SINGLE_PERSON} if tx.single_person else {}
        snapshot = _rows(tx, at)
        organizations = frozenset(snapshot.organizations)
        enrolled, groups = Enrolled(snapshot.catalogue, organizations), snapshot.policy.groups
        directive = from_document(parse_directive(text, str(file), groups, enrolled))
        drafted = with_draft(snapshot.policy, as_if_in_force(directive, at), at)
        assessor = Assessor(snapshot, drafted, at, bills)
        with _progress(tx.count(RowKind.STANDING) + tx.count(RowKind.PARTY)) as watch:
            people = _people(tx, StandingShapes(usable_rule(snapshot.policy.parameters), at), watch)
            machines = snapshot.organizations.values()
            found = assess(assessor, people, machines, directive.items)
    running = _running(directory, file, text)
    return {
        **found.as_value(),
        **notice,
        "draft": directive.id,
        "at": format_instant(at),
        "billing_countries": len(bills),
        "running_answers": running,
        "running_answers_cut": None if running is None else sum(x["answers"] for x in running if x["cut"]),
    }


def _rows(tx: Transaction, at: datetime) -> Snapshot:
    """The policy and the rows that answers rest on, but for the persons."""
    documents = tuple(stored.document for stored in tx.directives())
    read_law(tx.law())
    bundle = PolicyBundle(0, at, at + _FRESH, tx.settings(), documents, tx.pinned(), tx.law())
    licenses: dict[Holder, tuple[License, ...]] = {}
    for row in tx.each(RowKind.LICENSE):
        for holder in row.holders if isinstance(row, License) else ():
            licenses[holder] = (*licenses.get(holder, ()), row)  # type: ignore[arg-type]  # it was looked at above
    return Snapshot(
        policy=compile_policy(bundle),
        catalogue=Catalogue.of(row for row in tx.each(RowKind.ITEM) if isinstance(row, Item)),
        parties={},
        organizations={row.id: row for row in tx.each(RowKind.ORGANIZATION) if isinstance(row, Organization)},
        standings={},
        licenses=licenses,
        stops={row.item: row for row in tx.each(RowKind.STOP) if isinstance(row, Stop)},
        sequence=0,
        current=True,
    )


def _people(tx: Transaction, shapes: StandingShapes, watch: _Watch) -> Iterator[tuple[Party, tuple[Standing, ...]]]:
    """Every party with their standings; standings that nothing can tell apart are one."""
    standings: dict[PartyId, tuple[Standing, ...]] = {}
    for row in tx.each(RowKind.STANDING):
        if isinstance(row, Standing):
            standings[row.subject] = (*standings.get(row.subject, ()), shapes.of(row))
        watch(1)
    for party in tx.each(RowKind.PARTY):
        if isinstance(party, Party):
            yield party, standings.get(party.id, ())
        watch(1)


def _running(directory: Path, file: Path, text: str) -> list[dict[str, Any]] | None:
    """The answers that the instance is giving, and what the draft would make of them; None if it does not run."""
    try:
        found = send_file(find_instance(directory), "/answers/under-draft", file, text)
    except LicetError as err:
        if err.code == "not_running":
            return None
        raise
    answers: list[dict[str, Any]] = found["answers"]
    return answers


@contextmanager
def _progress(rows: int) -> Iterator[_Watch]:
    """A bar on the error channel, where somebody may be waiting."""
    with Progress(console=Console(file=sys.stderr), transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task("assessing", total=rows)
        yield lambda number: bar.advance(task, number)


def _show(value: Mapping[str, Any]) -> None:
    print_table(rows_table(value["rows"], _ROWS))
    say(None, *_sentences(value), *filter(None, [value.get("notice")]), as_json=False)
    countries = value["countries"]
    if countries:
        print_table(rows_table(countries[:_SHOWN], _COUNTRIES))
    if len(countries) > _SHOWN:
        say(None, f"and {len(countries) - _SHOWN} countries more: --json has them all", as_json=False)


def _sentences(value: Mapping[str, Any]) -> Iterator[str]:
    reached = value["persons_reached"]
    yield f"of {value['persons']:,} persons, under {value['draft']} as if it were in force now:"
    yield f"  {reached['loses_verified']:,} would lose access, by verified evidence and enrollment"
    yield f"  {reached['loses_inferred']:,} would probably lose it: an estimate from places, and never used to decide"
    yield f"  {reached['loses_unknown']:,} would lose it until they show who they are; nothing says what comes then"
    yield f"  {reached['asked']:,} would be asked who they are, and probably have it back"
    yield f"  {reached['loses_nothing']:,} would lose nothing that they have"
    cut = value["running_answers_cut"]
    yield "answers being given: " + ("the instance does not run" if cut is None else f"{cut:,} would be cut")
