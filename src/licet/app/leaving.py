"""How a process that writes records ends."""

import logging

from licet.errors import UnavailableError
from licet.logwriter import LogClient

_log = logging.getLogger("licet.app")
_FAREWELL_S = 5.0


async def leave_log(log: LogClient) -> None:
    """Let the records for which nobody waited reach the disk, and then go."""
    try:
        await log.drain(_FAREWELL_S)
    except UnavailableError as err:
        _log.error("the process ends while the log does not answer: %s", err)
    await log.close()
