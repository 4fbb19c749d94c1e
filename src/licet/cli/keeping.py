"""Commands on the keeping of records: decide again, hold, expire, erase.

What only reads is read from the files; what changes goes through the running
instance, where it is recorded and carried out in one step.
"""

from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.instance import Instance, find_directory, find_instance
from licet.cli.logs import open_log, store_of
from licet.cli.options import AsJson, Dir, UsageError
from licet.cli.output import print_json, say, say_done, show_rows
from licet.cli.wire import segment
from licet.directives import PolicyBundle, compile_policy
from licet.errors import NotFoundError
from licet.fleet import Clock
from licet.logwriter import Due, LogReader, database_path
from licet.records import Record
from licet.records.redecide import Redecided, redecide
from licet.terms import RecordId, format_instant, parse_instant

_Why = Annotated[str, typer.Option(help="Why, in one sentence that may be produced.")]
_Hold = Annotated[str, typer.Argument(metavar="NAME", help="The hold's name.")]
_Party = Annotated[str | None, typer.Option(help="A person's pseudonym.")]
_Organization = Annotated[str | None, typer.Option(help="An organization's id.")]
_UNANSWERED = ("erased", "policy_unknown")


def redecide_again(
    record: Annotated[
        str, typer.Argument(metavar="ID", help="A decision's id, as the header licet-decision gives it.")
    ],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Decide a past request again from what was recorded, under the policy of then."""
    found = find_directory(directory)
    try:
        with open_log(database_path(found), found) as reader:
            told = reader.open(reader.find(RecordId(record)))
        again = _again(told, found)
    except NotFoundError as err:
        if err.code not in _UNANSWERED:
            raise
        say({"id": record, "answer": err.code}, str(err), as_json=as_json)
        return
    answer = "agrees" if again.agrees else "differs"
    value = {
        "id": record,
        "answer": answer,
        "recorded": again.recorded.value,
        "outcome": again.outcome.value,
        "by_operation": again.by_operation,
        "differing": list(again.differing),
    }
    if as_json:
        print_json(value)
    else:
        say(None, f"{answer}: recorded {again.recorded}, decided again {again.outcome}", as_json=False)
        if again.by_operation:
            say(None, "an operational rule refused, whatever the requirements say", as_json=False)
        if again.differing:
            say(None, f"another verdict under: {', '.join(again.differing)}", as_json=False)
    if not again.agrees:
        raise typer.Exit(1)


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
    with _log(find_directory(directory)) as reader:
        rows = [
            {"hold": name, **{member: record.body.get(member) for member in ("subject", "by", "reason")}}
            | {"set_at": format_instant(record.at), "record": record.id}
            for name, record in reader.holds()
        ]
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
    found = find_directory(directory)
    with _log(found) as reader:
        instant = Clock().now() if at is None else parse_instant(at)
        dues = [reader.due(subject, instant) for subject in reader.subjects()]
    over = [due for due in dues if due.is_over and not due.holds]
    if not dry_run and over:
        instance = find_instance(directory)
        for due in over:
            _erase(instance, due.subject, f"no duty keeps it any more: {due.citation}, until {_day(due.until)}")
    rows = [_due_value(due, goes=due in over) for due in dues]
    show_rows(rows, ("subject", "kept_until", "by", "holds", "erased"), as_json=as_json, none="nothing is kept")


def _again(told: Record, directory: Path) -> Redecided:
    policy = told.body.get("policy")
    digest = str(policy.get("digest")) if isinstance(policy, dict) else ""
    with store_of(directory) as store, store.read() as tx:
        bundle = PolicyBundle.from_value(tx.policy(digest))
    return redecide(told, compile_policy(bundle))


def _log(directory: Path) -> LogReader:
    return open_log(database_path(directory), directory)


def _erase(instance: Instance, subject: str, reason: str) -> Any:
    return instance.post("/records/erase", {"subject": subject, "reason": reason})


def _due_value(due: Due, *, goes: bool) -> dict[str, Any]:
    return {
        "subject": due.subject,
        "kept_until": None if due.until is None else format_instant(due.until),
        "by": due.citation,
        "holds": list(due.holds),
        "erased": goes,
    }


def _day(at: datetime | None) -> str:
    return "-" if at is None else str(at.date())
