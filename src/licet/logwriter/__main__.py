"""`python -m licet.logwriter --dir DIR`: the log-writer process.

argparse and not typer: no person types this command, and each restart of the log
waits for its imports.
"""

import argparse
import asyncio
import logging
import sys
from pathlib import Path

from licet.errors import LicetError
from licet.logwriter.process import run
from licet.processes import say_failed


def main() -> int:
    """Run until told to stop; 0 is a clean end and 1 a refusal to start."""
    parser = argparse.ArgumentParser(prog="python -m licet.logwriter", description="Commit licet's records.")
    parser.add_argument("--dir", type=Path, required=True, help="the instance's directory")
    parser.add_argument("--max-bytes", type=int, help="the most the log may grow to")
    parser.add_argument("--stdin-lifeline", action="store_true", help="end when standard input ends")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="log writer: %(message)s")
    try:
        asyncio.run(run(options.dir, max_bytes=options.max_bytes, stdin_lifeline=options.stdin_lifeline))
    except LicetError as err:
        sys.stderr.write(f"log writer: {err} ({err.code})\n")
        if options.stdin_lifeline:
            say_failed(err)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
