"""`licet witness`: a second party that signs that a log only ever grew."""

from pathlib import Path
from typing import Annotated

import typer

from licet.app.config import Address
from licet.app.witnessing import serve_witness
from licet.cli.files import read_bytes, write_new
from licet.cli.options import AsJson
from licet.cli.output import say
from licet.errors import InputError
from licet.records.tlog import read_policy, spell_key
from licet.witness import create_witness, read_witness

_Dir = Annotated[Path, typer.Argument(metavar="DIR", help="The witness's directory.")]
_MAX_PORT = 65_535


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="A witness of logs, run by somebody else than the log's owner.")
    group.command("init")(init)
    group.command("add-log")(add_log)
    group.command("serve")(serve)
    app.add_typer(group, name="witness")


def init(
    directory: _Dir,
    name: Annotated[str, typer.Option(help="The name it signs under, such as witness.example/one.")],
    as_json: AsJson = False,
) -> None:
    """Make a witness: its key, in a directory of its own."""
    key = spell_key(create_witness(directory, name).verifier)
    say(
        {"directory": str(directory), "key": key},
        f"made a witness in {directory}; its public key, for trust files and `log.witnesses`:",
        key,
        as_json=as_json,
    )


def add_log(
    directory: _Dir,
    policy: Annotated[Path, typer.Option(help="The log's trust file (C2SP tlog-policy), such as its `log.policy`.")],
    as_json: AsJson = False,
) -> None:
    """Have the witness serve a log, from its next start on."""
    content = read_bytes(policy)
    logs = read_policy(content).logs
    if not logs:
        raise InputError(f"expected a log in the trust file `{policy}`", code="no_log")
    key, _ = read_witness(directory)
    write_new(directory / "logs" / f"{logs[0].id.hex()}.policy", content.decode())
    say({"origin": logs[0].name}, f"{key.name} will serve the log {logs[0].name}", as_json=as_json)


def serve(
    directory: _Dir,
    listen: Annotated[str, typer.Option(help="Host and port; port 0 takes a free one.")] = "127.0.0.1:8090",
    as_json: AsJson = False,
) -> None:
    """Run the witness until it is told to stop (SIGTERM, Ctrl-C). Put TLS before it where others reach it."""
    host, _, port = listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > _MAX_PORT:
        raise InputError(f"expected a host and a port, such as `127.0.0.1:8090`, found `{listen}`")
    address = Address(host.strip("[]"), int(port))
    serve_witness(directory, address, lambda url: say({"url": url}, f"witness: {url}", as_json=as_json))
