"""`licet evidence`: the caller's side, thin over the gateway's public doors.

The key comes from the environment, so that it stands in no list of processes.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import read_text
from licet.cli.options import AsJson
from licet.cli.output import say
from licet.cli.tables import show_rows
from licet.cli.usage import UsageError
from licet.cli.wire import call, segment

_Gateway = Annotated[str, typer.Option(help="The gateway's URL.")]
_KeyEnv = Annotated[str, typer.Option(help="The environment variable that holds your API key.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="For a caller: show that a restricted model may be released to you.")
    group.command("nonce")(nonce)
    group.command("submit")(submit)
    group.command("list")(list_all)
    group.command("take-back")(take_back)
    app.add_typer(group, name="evidence")


def nonce(gateway: _Gateway, key_env: _KeyEnv = "LICET_API_KEY", as_json: AsJson = False) -> None:
    """Get a nonce for your key, for your organization to sign."""
    answer = call(gateway.rstrip("/") + "/licet/nonce", _key(key_env), {})
    say(
        answer,
        f"nonce:    {answer['nonce']}",
        f"audience: {answer['audience']}",
        f"good until {answer['expires_at']}, once, for this key",
        as_json=as_json,
    )


def submit(
    file: Annotated[Path, typer.Argument(metavar="TOKENFILE", help="The signed evidence; `-` reads it from input.")],
    gateway: _Gateway,
    kind: Annotated[
        str, typer.Option(help="org_user_attestation, or oidc_verified_claims for an identity provider's access token.")
    ] = "org_user_attestation",
    key_env: _KeyEnv = "LICET_API_KEY",
    as_json: AsJson = False,
) -> None:
    """Present evidence with your key: your organization's attestation, or an identity provider's access token."""
    token = (sys.stdin.read() if str(file) == "-" else read_text(file)).strip()
    body = {"kind": kind, "payload": token}
    answer = call(gateway.rstrip("/") + "/licet/evidence", _key(key_env), body)
    say(
        answer,
        f"accepted; it counts until {answer['not_after']} at the latest",
        f"record: {answer['record']}",
        as_json=as_json,
    )


def list_all(gateway: _Gateway, key_env: _KeyEnv = "LICET_API_KEY", as_json: AsJson = False) -> None:
    """List what is established of you and kept, also what counts no longer."""
    rows = call(gateway.rstrip("/") + "/licet/standings", _key(key_env))["standings"]
    columns = ("id", "kind", "issuer", "facts", "counts", "with_this_key", "verified_at", "not_after", "withdrawal")
    show_rows(rows, columns, as_json=as_json, none="nothing is established of you, and nothing is kept")


def take_back(
    standing: Annotated[str, typer.Argument(metavar="STANDING", help="Its id; see `licet evidence list`.")],
    gateway: _Gateway,
    key_env: _KeyEnv = "LICET_API_KEY",
    as_json: AsJson = False,
) -> None:
    """Take back what you have shown: it counts no longer, and answers that run by it are cut."""
    url = f"{gateway.rstrip('/')}/licet/standings/{segment(standing)}/take-back"
    answer = call(url, _key(key_env), {})
    say(answer, f"taken back: {standing}", f"record: {answer['record']}", as_json=as_json)


def _key(name: str) -> str:
    text = os.environ.get(name, "")
    if not text:
        raise UsageError(f"expected your API key in the environment variable `{name}`")
    return text
