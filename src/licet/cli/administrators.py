"""`licet administrator`: who may act, for what, and by which token.

Whoever is to be an administrator makes their own token; only its digest is handed
over. Nobody who agrees to a new administrator learns how to be them.
"""

import hashlib
import secrets
from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import write_new
from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say, say_done
from licet.cli.tables import show_rows
from licet.cli.wire import segment
from licet.errors import LicetError, UnavailableError

_Name = Annotated[str, typer.Argument(metavar="NAME", help="Letters, digits and hyphens; never given twice.")]
_Roles = Annotated[list[str], typer.Option(help="officer, operator or both, or auditor alone.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="Who may act, and for what.")
    group.command("token")(token)
    group.command("add")(add)
    group.command("list")(list_all)
    group.command("role")(set_roles)
    group.command("remove")(remove)
    group.command("rotate")(rotate)
    group.command("two-persons")(two_persons)
    app.add_typer(group, name="administrator")


def token(
    out: Annotated[Path, typer.Option(help="A new file for it, readable by you only.")], as_json: AsJson = False
) -> None:
    """Make a token of your own, and print the digest that an officer needs to name you."""
    digest = _write_token(out)
    say({"file": str(out), "token_sha256": digest}, f"your token is in {out}; its digest:", digest, as_json=as_json)


def add(
    name: _Name,
    role: _Roles,
    token_sha256: Annotated[str, typer.Option(help="What `licet administrator token` printed to them.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Name an administrator; a second person must agree."""
    body = {"name": name, "roles": role, "token_sha256": token_sha256}
    answer = find_instance(directory).post("/administrators", body)
    say_done(answer, f"{name} is an administrator: {', '.join(role)}", as_json=as_json)


def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
    """List who may act, and who no longer may."""
    rows = find_instance(directory).get("/administrators")
    show_rows(rows, ("name", "roles", "added_at", "added_by", "removed_at"), as_json=as_json)


def set_roles(name: _Name, role: _Roles, directory: Dir = None, as_json: AsJson = False) -> None:
    """Give somebody these roles and no others; a second person must agree where one is added."""
    answer = find_instance(directory).post(f"/administrators/{segment(name)}/role", {"roles": role})
    say_done(answer, f"{name} is now: {', '.join(role)}", as_json=as_json)


def remove(name: _Name, directory: Dir = None, as_json: AsJson = False) -> None:
    """End what somebody's token may do, at once; what they have proposed cannot be approved any more."""
    answer = find_instance(directory).post(f"/administrators/{segment(name)}/remove", {})
    say_done(answer, f"{name} is no administrator any more", as_json=as_json)


def rotate(
    name: _Name,
    out: Annotated[Path, typer.Option(help="A new file for the new token.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Put a new token in the place of your own."""
    instance = find_instance(directory)
    digest = _write_token(out)
    try:
        answer = instance.post(f"/administrators/{segment(name)}/rotate", {"token_sha256": digest})
    except UnavailableError:
        raise  # it may have been heard: the file may hold the only good token
    except LicetError:
        out.unlink()
        raise
    say_done(answer, f"your new token is in {out}; the old one is good for nothing", as_json=as_json)


def two_persons(directory: Dir = None, as_json: AsJson = False) -> None:
    """Have two persons agree to what loosens, from now on; there is no way back."""
    answer = find_instance(directory).post("/two-persons", {})
    say_done(answer, "two persons must agree to what loosens from now on", as_json=as_json)


def _write_token(path: Path) -> str:
    text = secrets.token_urlsafe(32)
    write_new(path, text + "\n")
    return hashlib.sha256(text.encode()).hexdigest()
