"""Serve the walk-through's instance as `licet serve` does, with one difference.

The control process finds one name, the stand-in identity provider's, on this machine. An
address of this machine is otherwise never fetched, whatever an enrollment says, and no
setting changes that: hence a program of its own, which serves nothing but the walk-through.
"""

import json
import os
import sys
from dataclasses import asdict
from pathlib import Path

import aiohttp
from yarl import URL

from licet.app import control
from licet.app.service import Running, serve
from licet.demo.vouchers import PROVIDER
from licet.errors import LicetError
from licet.fetching import Document, Wanted, exchange_public, exchange_with

VOUCHERS = "LICET_DEMO_VOUCHERS"
"""The variable that says where the stand-in is."""
_CONTROL = (sys.executable, "-m", "licet.demo.serving", "control")


async def _exchange(wanted: Wanted) -> Document:
    url = URL(wanted.url)
    if url.origin() != URL(PROVIDER):
        return await exchange_public(wanted)
    return await exchange_with(aiohttp.TCPConnector(), URL(os.environ[VOUCHERS] + url.raw_path), wanted)


def main(arguments: list[str]) -> int:
    """Serve a directory, or be its control process."""
    if arguments[:1] == ["control"]:
        return control.main(arguments[1:], exchange=_exchange)
    try:
        serve(Path(arguments[0]), _announce, control=_CONTROL)
    except LicetError as err:
        sys.stderr.write(f"{err}\n")
        return 1
    return 0


def _announce(running: Running) -> None:
    sys.stdout.write(json.dumps(asdict(running)) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
