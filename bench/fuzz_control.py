"""Hold a running control API to its own schema: no request makes it fall over or answer what it does not say.

    python bench/fuzz_control.py PATH-OF-SCHEMATHESIS

Starts an instance of its own in a temporary directory, with a stand-in upstream.
"""

import subprocess
import sys

from instance_for_tests import fresh_instance
from places_for_tests import short_directory
from standin_for_tests import stand_in

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "ignored_auth",
    "unsupported_method",
)


def main() -> int:
    """Give schemathesis's own exit code."""
    with stand_in() as upstream, short_directory() as directory, fresh_instance(directory, upstream.url) as instance:
        command = [
            sys.argv[1],
            "run",
            f"{instance.control}/openapi.json",
            "--header",
            f"Authorization: Bearer {instance.token}",
            "--checks",
            ",".join(CHECKS),
            "--max-examples",
            "50",
            "--seed",
            "20261122",
            "--generation-database",
            "none",
        ]
        return subprocess.run(command, check=False).returncode  # noqa: S603  # our own command


if __name__ == "__main__":
    sys.exit(main())
