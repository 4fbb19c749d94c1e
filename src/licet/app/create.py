"""Make an instance: its directory, configuration, store, keys and first administrator."""

import json
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import OKPKey

from licet.app.config import read_config
from licet.app.places import Places
from licet.errors import ConflictError, InputError
from licet.logwriter import write_log_keys
from licet.stores import Store
from licet.terms import require_id

_TEMPLATE = """\
# Addresses, upstreams and limits. Counsel's readings are not here: `licet parameter list`.

[instance]
id = "gateway-{suffix}"        # stands in every record
audience = "licet-{suffix}"    # what attestations must be addressed to

[store]
url = "sqlite:///licet.db"

[listen]
gateway = "127.0.0.1:8080"     # port 0 takes a free one
control = "127.0.0.1:8081"     # this machine only

[upstreams.main]
base_url = "http://127.0.0.1:9000"
dialects = ["openai", "anthropic", "gemini"]
# credential = "env:UPSTREAM_API_KEY"   # sent in place of the caller's key; or "file:secrets/upstream"

# [log]
# witnesses = ["name+id+key https://witness.example"]   # who cosign the log's checkpoints

# [metrics]
# token = "file:secrets/metrics"   # reads /metrics and nothing else; an administrator's token does too

# [limits]
# body_bytes = 33554432
# first_byte_s = 120
# idle_s = 60
"""


@dataclass(frozen=True, slots=True)
class CreatedInstance:
    """A new instance and its first administrator's token, which is also in `admin.token`."""

    directory: Path
    token: str


def create_instance(directory: Path, administrator: str) -> CreatedInstance:
    """Make an instance in a directory that is new or empty.

    Every secret is written with mode 0600 and the directory with 0700.

    Raises:
        ConflictError: the directory holds something.
        InputError: the administrator's name cannot be one, or the directory cannot be made.
    """
    require_id(administrator, "an administrator")
    places = Places(directory)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise ConflictError(f"expected a new or empty directory, found files in `{directory}`", code="not_empty")
        directory.chmod(0o700)
        places.secrets.mkdir(mode=0o700)
        token = secrets.token_urlsafe(32)
        write_secret(places.administrator_token, token)
        write_secret(places.pepper, secrets.token_hex(32))
        write_secret(places.policy_key, json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)))
        write_log_keys(directory)
        places.epoch.write_text("0", encoding="ascii")
        places.config.write_text(_TEMPLATE.format(suffix=secrets.token_hex(4)), encoding="utf-8")
    except OSError as err:
        raise InputError(f"an instance cannot be made in `{directory}`: {err.strerror}") from err
    before = os.umask(0o077)
    try:
        store = Store(read_config(places.config).store_url)
        store.create()
        with store.write() as tx:
            tx.add_administrator(administrator, token)
        store.close()
    finally:
        os.umask(before)
    return CreatedInstance(directory, token)


def write_secret(path: Path, text: str) -> None:
    """Write a new file that was never readable by others."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text + "\n")
