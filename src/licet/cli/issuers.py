"""`licet issuer`: authorization servers whose access tokens are believed."""

from typing import Annotated

import typer

from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done
from licet.cli.tables import show_rows
from licet.cli.wire import segment

_Name = Annotated[str, typer.Argument(metavar="NAME", help="What to call it here: letters, digits and hyphens.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Authorization servers whose access tokens (RFC 9068) are believed.")
    group.command("add")(add)
    group.command("list")(list_all)
    group.command("remove")(remove)
    app.add_typer(group, name="issuer")


def add(
    name: _Name,
    url: Annotated[str, typer.Option(help="Its `iss`, exactly as it stands in its tokens.")],
    jwks_url: Annotated[str, typer.Option(help="Where its keys are; https.")],
    audience: Annotated[str, typer.Option(help="What `aud` must name.")],
    algorithm: Annotated[
        list[str], typer.Option(help="With which it signs: EdDSA, Ed25519, ES256, ES384, RS256 or PS256.")
    ],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Believe an issuer's access tokens, about the subjects that `licet party link` names."""
    body = {"id": name, "url": url, "jwks_url": jwks_url, "audience": audience, "algorithms": algorithm}
    answer = find_instance(directory).post("/issuers", body)
    say_done(answer, f"believed from now on: the access tokens of {url}", as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List the issuers."""
    rows = find_instance(directory).get("/issuers")
    show_rows(rows, ("id", "url", "jwks_url", "audience", "algorithms"), as_json=as_json, none="no issuer is believed")


def remove(name: _Name, directory: Dir = None, as_json: AsJson = False) -> None:
    """Believe an issuer no longer; answers that run under its tokens are cut, and its links end."""
    answer = find_instance(directory).post(f"/issuers/{segment(name)}/remove", {})
    say_done(answer, f"believed no longer: {name}", as_json=as_json)
