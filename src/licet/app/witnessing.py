"""Serve a witness, until told to stop."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from licet.app.config import Address
from licet.gateway.listening import listen_at
from licet.gateway.server import Listener
from licet.logwriter import now_s
from licet.witness import Ledger, Witness, read_witness


def serve_witness(directory: Path, address: Address, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT.

    Raises:
        ConfigurationError: the directory holds no witness, or the address cannot be listened on.
        UnavailableError: its ledger cannot be opened.
    """
    asyncio.run(_serve(directory, address, announce))


async def _serve(directory: Path, address: Address, announce: Callable[[str], None]) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    key, logs = read_witness(directory)
    with Ledger(directory / "witness.db") as ledger:
        app = Witness(key, logs, ledger, now_s)
        async with Listener(app, *listen_at(address.host, address.port)).running() as listener:
            announce(listener.url)
            await stop.wait()
