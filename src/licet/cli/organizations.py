"""`licet organization`: bodies that hold keys and attest the status of their own people."""

from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import read_json
from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done
from licet.cli.tables import show_rows
from licet.cli.wire import segment
from licet.errors import InputError
from licet.parties import AttestedStatus, Relation
from licet.parties.evidence import require_attestation_key

_Organization = Annotated[str, typer.Argument(metavar="ID", help="The organization's id.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Organizations whose identity and place an officer has checked.")
    group.command("add")(add)
    group.command("list")(list_all)
    group.command("suspend")(suspend)
    group.command("resume")(resume)
    group.command("limit")(limit)
    keys = typer.Typer(help="The public keys by which an organization attests.")
    keys.command("add")(add_key)
    keys.command("remove")(remove_key)
    group.add_typer(keys, name="key")
    app.add_typer(group, name="organization")


def add(
    organization: Annotated[str, typer.Argument(metavar="ID", help="An id of letters, digits and hyphens.")],
    name: Annotated[str, typer.Option(help="Its name.")],
    place: Annotated[str, typer.Option(help="Where it is organized: `FR`, `US-DE`, or `INT` for a treaty body.")],
    kind: Annotated[
        str, typer.Option(help="company, us_government, foreign_government or international_organization.")
    ] = "company",
    attestation_key: Annotated[
        list[Path] | None, typer.Option(help="A file with a public JWK that has a `kid`; see `licet attest keygen`.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Enroll an organization whose identity and place of organization you have checked."""
    keys = dict(map(_read_key, attestation_key or []))
    body = {"id": organization, "name": name, "organized_under": place, "kind": kind, "attestation_keys": keys}
    answer = find_instance(directory).post("/organizations", body)
    say_done(answer, f"enrolled {organization}, with {len(keys)} attestation key(s)", as_json=as_json)


def suspend(organization: _Organization, directory: Dir = None, as_json: AsJson = False) -> None:
    """Believe nothing that an organization says or said; who is served by its word is cut at once."""
    answer = find_instance(directory).post(f"/organizations/{segment(organization)}/suspend", {})
    say_done(answer, f"suspended: {organization}", as_json=as_json)


def resume(organization: _Organization, directory: Dir = None, as_json: AsJson = False) -> None:
    """Believe a suspended organization again, also what it said before."""
    answer = find_instance(directory).post(f"/organizations/{segment(organization)}/resume", {})
    say_done(answer, f"believed again: {organization}", as_json=as_json)


def limit(
    organization: _Organization,
    status: Annotated[
        list[AttestedStatus] | None, typer.Option(help="Take its word for this status; may come twice. Both if none.")
    ] = None,
    relation: Annotated[
        list[Relation] | None, typer.Option(help="Take its word for these people; may come often. All if none.")
    ] = None,
    most_people: Annotated[int | None, typer.Option(min=0, help="Of at most so many; any number if not given.")] = None,
    max_age_days: Annotated[int | None, typer.Option(min=1, help="The most days since a check.")] = None,
    statement: Annotated[
        list[str] | None, typer.Option(help="A version of the statement that it has signed. Any that is known if none.")
    ] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Say for what an organization's word is taken; the whole of it, so what is not given is not limited."""
    body = {
        "statuses": [one.value for one in status or AttestedStatus],
        "relations": [one.value for one in relation or Relation],
        "most_people": most_people,
        "max_age_days": max_age_days,
        "statements": statement or [],
    }
    answer = find_instance(directory).post(f"/organizations/{segment(organization)}/limits", body)
    say_done(answer, f"the word of {organization} is taken within these limits", as_json=as_json)


def add_key(
    organization: _Organization,
    key: Annotated[Path, typer.Option(help="A file with a public JWK that has a `kid`; see `licet attest keygen`.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Believe one more of an organization's keys; those before stay until they are removed."""
    name, jwk = _read_key(key)
    answer = find_instance(directory).post(f"/organizations/{segment(organization)}/keys", {"kid": name, "jwk": jwk})
    say_done(answer, f"believed from now on: the key {name} of {organization}", as_json=as_json)


def remove_key(
    organization: _Organization,
    kid: Annotated[str, typer.Argument(metavar="KID", help="The key's name.")],
    take_back: Annotated[
        bool, typer.Option("--take-back", help="Believe nothing either that was signed with it: it is compromised.")
    ] = False,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Believe a key of an organization no longer."""
    path = f"/organizations/{segment(organization)}/keys/{segment(kid)}/remove"
    answer = find_instance(directory).post(path, {"take_back": take_back})
    withdrawn = answer["result"]["withdrawn"]
    ended = f", and {withdrawn:,} standing(s) that were signed with it" if take_back else ""
    say_done(answer, f"believed no longer: the key {kid} of {organization}{ended}", as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the organizations."""
    rows = find_instance(directory).get("/organizations")
    shown = rows if as_json else [{**row, "attestation_keys": sorted(row["attestation_keys"] or ())} for row in rows]
    columns = ("id", "name", "organized_under", "kind", "verified", "suspended", "attestation_keys")
    show_rows(shown, columns, as_json=as_json, none="no organization is enrolled")


def _read_key(path: Path) -> tuple[str, dict[str, str]]:
    """The key's name, and the key.

    A private part is refused here, before it would leave this machine.
    """
    jwk = read_json(path)
    name = jwk.get("kid")
    if not isinstance(name, str) or not all(isinstance(member, str) for member in jwk.values()):
        raise InputError(f"expected a public JWK with a `kid` in `{path}`", code="bad_key_file")
    try:
        require_attestation_key(jwk)
    except InputError as err:
        raise InputError(f"`{path}`: {err}", code="bad_key_file") from err
    return name, jwk
