"""`licet organization`: bodies that hold keys and attest the status of their own people."""

from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import read_json
from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done, show_rows
from licet.errors import InputError
from licet.parties.evidence import require_attestation_key


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Organizations whose identity and place an officer has checked.")
    group.command("add")(add)
    group.command("list")(list_all)
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
