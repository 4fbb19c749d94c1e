"""Run a command, and turn whatever it raises into a sentence and an exit code.

Exit codes: 0 done, 1 refused or failed, 2 not understood, 130 interrupted. A stop waits
for what is imported here, so whatever else is typed is imported when it is typed.
"""

import sys
from collections.abc import Sequence
from importlib import import_module

from licet.cli.braking import pull, read_brake
from licet.cli.output import complain
from licet.cli.usage import UsageError
from licet.errors import LicetError

_FAILED, _NOT_UNDERSTOOD, _INTERRUPTED = 1, 2, 130


def main() -> None:
    """The command `licet`."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run one command line and give its exit code."""
    as_json = "--json" in arguments
    try:
        brake = read_brake(arguments)
        if brake is not None:
            pull(brake)
            return 0
        code: int = import_module("licet.cli.commands").run_command(arguments)
    except UsageError as err:
        complain(err, as_json=as_json)
        return _NOT_UNDERSTOOD
    except LicetError as err:
        complain(err, as_json=as_json)
        return _FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED
    return code
