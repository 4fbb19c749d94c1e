"""Commands on the keeping of records: decide again, hold, expire, erase.

What only reads is read from the files; what changes goes through the running
instance, where it is recorded and carried out in one step.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.instance import Instance, find_directory, find_instance, is_remote
from licet.cli.logs import store_of
from licet.cli.options import AsJson, Dir
from licet.cli.output import print_json, say, say_done
from licet.cli.reading import read_noted
from licet.cli.tables import show_rows
from licet.cli.usage import UsageError
from licet.cli.wire import segment
from licet.fleet import Clock
from licet.logwriter import Due, LogReader
from licet.terms import format_instant, parse_instant

_Why = Annotated[str, typer.Option(help="Why, in one sentence that may be produced.")]
_Hold = Annotated[str, typer.Argument(metavar="NAME", help="The hold's name.")]
_Party = Annotated[str | None, typer.Option(help="A person's pseudonym.")]
_Organization = Annotated[str | None, typer.Option(help="An organization's id.")]


def redecide_again(
    record: Annotated[
        str, typer.Argument(metavar="ID", help="A decision's id, as the header licet-decision gives it.")
    ],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Decide a past request again from what was recorded, under the policy of then."""
    if is_remote(directory):
        value = find_instance(directory).get(f"/records/{segment(record)}/redecide")
    else:
        value = _redecided(find_directory(directory), record)
    if as_json:
        print_json(value)
    elif "outcome" not in value:
        say(None, value["why"], as_json=False)
    else:
        say(None, f"{value['answer']}: recorded {value['recorded']}, decided again {value['outcome']}", as_json=False)
        if value["by_operation"]:
            say(None, "an operational rule refused, whatever the requirements say", as_json=False)
        if value["differing"]:
            say(None, f"another verdict under: {', '.join(value['differing'])}", as_json=False)
    if value["answer"] == "differs":
        raise typer.Exit(1)


def _redecided(directory: Path, record: str) -> dict[str, Any]:
    # It loads the servers, for which the other commands of this group need not wait.
    from licet.app.reading import redecided  # noqa: PLC0415  # see above

    with store_of(directory) as store:
        return read_noted(
            None, directory, "record.redecide", {"id": record}, lambda reader: redecided(reader, store, record)
        )


def set_hold(
    name: _Hold,
    reason: _Why,
    party: _Party = None,
    organization: _Organization = None,
    country: Annotated[str | None, typer.Option(help="A country.")] = None,
    document: Annotated[str | None, typer.Option(help="The number of a license or a directive.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Every record.")] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Set a legal hold: nothing that it covers can be erased, however old."""
    named = {"party": party, "organization": organization, "country": country, "document": document}
    subjects = [f"{kind}:{value}" for kind, value in named.items() if value is not None] + ["all"] * everything
    if len(subjects) != 1:
        raise UsageError("expected one of --party, --organization, --country, --document, --all")
    body = {"hold": name, "subject": subjects[0], "reason": reason}
    say_done(find_instance(directory).post("/holds", body), f"held: {subjects[0]}", as_json=as_json)


def release_hold(name: _Hold, reason: _Why, directory: Dir = None, as_json: AsJson = False) -> None:
    """Release a legal hold."""
    answer = find_instance(directory).post(f"/holds/{segment(name)}/release", {"reason": reason})
    say_done(answer, f"released the hold {name}", as_json=as_json)


def list_holds(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the legal holds that are set, with who set each and why."""

    def find(reader: LogReader) -> list[dict[str, Any]]:
        return [
            {"hold": name, **{member: record.body.get(member) for member in ("subject", "by", "reason")}}
            | {"set_at": format_instant(record.at), "record": record.id}
            for name, record in reader.holds()
        ]

    rows = read_noted(None, directory, "record.read", {"of": "legal holds"}, find, len)
    columns = ("hold", "subject", "by", "reason", "set_at", "record")
    show_rows(rows, columns, as_json=as_json, none="no hold is set")


def erase(
    reason: _Why,
    party: _Party = None,
    organization: _Organization = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Destroy the key of a party's or an organization's records; refused under a hold and before time."""
    named = {"party": party, "organization": organization}
    subjects = [f"{kind}:{value}" for kind, value in named.items() if value is not None]
    if len(subjects) != 1:
        raise UsageError("expected one of --party, --organization")
    answer = _erase(find_instance(directory), subjects[0], reason)
    say_done(answer, f"erased what is recorded of {subjects[0]}; the proofs stay", as_json=as_json)


def expire(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be erased.")] = False,
    at: Annotated[str | None, typer.Option(help="As of this instant; with --dry-run only.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Erase the records of every party and organization that no duty and no hold keeps any more."""
    if at is not None and not dry_run:
        raise UsageError("an instant can be given with --dry-run only")
    instant = Clock().now() if at is None else parse_instant(at)

    def find(reader: LogReader) -> list[Due]:
        return [reader.due(subject, instant) for subject in reader.subjects()]

    dues = read_noted(None, directory, "record.read", {"of": "retention"}, find, len)
    over = [due for due in dues if due.is_over and not due.holds]
    waiting: dict[str, str] = {}
    if not dry_run and over:
        instance = find_instance(directory)
        for due in over:
            reason = f"no duty keeps it any more: {due.citation}, until {_day(due.until)}"
            answer = _erase(instance, due.subject, reason)
            if "pending" in answer:
                waiting[due.subject] = answer["pending"]["id"]
    rows = [_due_value(due, goes=due in over, pending=waiting.get(due.subject)) for due in dues]
    columns = ("subject", "kept_until", "by", "holds", "erased", "pending")
    show_rows(rows, columns, as_json=as_json, none="nothing is kept")


def _erase(instance: Instance, subject: str, reason: str) -> Any:
    return instance.post("/records/erase", {"subject": subject, "reason": reason})


def _due_value(due: Due, *, goes: bool, pending: str | None) -> dict[str, Any]:
    return {
        "subject": due.subject,
        "kept_until": None if due.until is None else format_instant(due.until),
        "by": due.citation,
        "holds": list(due.holds),
        "erased": goes and pending is None,
        "pending": pending,
    }


def _day(at: datetime | None) -> str:
    return "-" if at is None else str(at.date())
