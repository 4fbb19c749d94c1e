"""Make an instance: its directory, configuration, store, keys and first administrators."""

import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from joserfc.jwk import OKPKey

from licet.app.config import read_config
from licet.app.keys import write_secret
from licet.app.places import Places
from licet.errors import ConflictError, InputError
from licet.fleet import Clock, new_record_id
from licet.logwriter import write_log_keys
from licet.records import Record, RecordKind
from licet.stores import Administrator, Role, Store, require_roles, token_digest
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

# [people]
# pending_s = 86400              # for how long a second person may approve what loosens

# [limits]
# body_bytes = 33554432
# first_byte_s = 120
# idle_s = 60
"""


_OFFICERS = 2


@dataclass(frozen=True, slots=True)
class CreatedInstance:
    """A new instance, and where each administrator's token is."""

    directory: Path
    tokens: Mapping[str, Path]


def create_instance(
    directory: Path, administrators: Mapping[str, frozenset[Role]], *, single_person: bool = False
) -> CreatedInstance:
    """Make an instance in a directory that is new or empty.

    Every secret is written with mode 0600 and the directory with 0700.

    Args:
        directory: Where.
        administrators: Who may act, and what for.
        single_person: Whether one alone may loosen. It is chosen here or never.

    Raises:
        ConflictError: the directory holds something.
        InputError: an administrator's name cannot be one, there are too few of them, or
            the directory cannot be made.
    """
    _require_people(administrators, single_person=single_person)
    places = Places(directory)
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(directory.iterdir()):
            raise ConflictError(f"expected a new or empty directory, found files in `{directory}`", code="not_empty")
        directory.chmod(0o700)
        places.secrets.mkdir(mode=0o700)
        files = _token_files(places, administrators, single_person=single_person)
        write_secret(places.pepper, secrets.token_hex(32))
        write_secret(places.policy_key, json.dumps(OKPKey.generate_key("Ed25519").as_dict(private=True)))
        write_log_keys(directory)
        places.epoch.write_text("0", encoding="ascii")
        places.config.write_text(_TEMPLATE.format(suffix=secrets.token_hex(4)), encoding="utf-8")
        tokens = {name: new_token(path) for name, path in files.items()}
    except OSError as err:
        raise InputError(f"an instance cannot be made in `{directory}`: {err.strerror}") from err
    before = os.umask(0o077)
    try:
        store = Store(read_config(places.config).store_url)
        store.create()
        _fill(store, administrators, tokens, single_person=single_person)
        store.close()
    finally:
        os.umask(before)
    return CreatedInstance(directory, files)


def new_token(path: Path) -> str:
    """Write a new token into a file for its owner alone, and give its digest."""
    token = secrets.token_urlsafe(32)
    write_secret(path, token)
    return token_digest(token)


def _require_people(administrators: Mapping[str, frozenset[Role]], *, single_person: bool) -> None:
    for name, roles in administrators.items():
        require_id(name, "an administrator")
        require_roles(roles)
    officers = sum(Role.OFFICER in roles for roles in administrators.values())
    least = 1 if single_person else _OFFICERS
    if officers < least:
        raise InputError(
            f"expected at least {least} officers, found {officers}: two must loosen, "
            "unless the instance is made for a single person",
            code="too_few_officers",
        )


def _token_files(
    places: Places, administrators: Mapping[str, frozenset[Role]], *, single_person: bool
) -> dict[str, Path]:
    if single_person and len(administrators) == 1:
        return dict.fromkeys(administrators, places.administrator_token)
    files = {name: places.token_of(name) for name in administrators}
    next(iter(files.values())).parent.mkdir(mode=0o700)
    return files


def _fill(
    store: Store, administrators: Mapping[str, frozenset[Role]], tokens: Mapping[str, str], *, single_person: bool
) -> None:
    """Put down who may act and by how many, and have the log told of it when there is one."""
    at = Clock().now()
    persons = "one" if single_person else "two"
    roles = {name: sorted(held) for name, held in administrators.items()}
    body = {"act": "instance.create", "by": "licet init", "effect": "neutral", "persons": persons, "roles": roles}
    record = Record(new_record_id(at), at, RecordKind.ADMINISTRATIVE, body)
    with store.write() as tx:
        for name, held in administrators.items():
            tx.people.add(Administrator(name, held, at, "licet init"), tokens[name])
        tx.set_meta("persons", persons)
        tx.hold_entry(record.id, record.to_bytes())
