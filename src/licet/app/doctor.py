"""Look an instance over, and change nothing: what would keep it from serving, or from being believed.

Each finding says what was looked at, how it is, and what to do. A check that cannot
be made is not passed.
"""

import json
import shutil
import socket
import sqlite3
import ssl
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path

from licet.app.config import Config, read_config
from licet.app.keys import read_pepper, read_signing_key
from licet.app.places import Places
from licet.errors import LicetError
from licet.gateway import has_websockets
from licet.logwriter import open_reader, read_log_keys, read_record_key, record_key_path
from licet.orders import ORDER
from licet.receipts import ReceiptError, verify_checkpoint
from licet.stores import Store
from licet.stores.migrate import HEAD
from licet.terms import format_instant

_LEAST_BYTES, _FEW_BYTES = 200 * 1024**2, 2 * 1024**3
_TOLERANCE = timedelta(seconds=2)
_PATIENCE_S = 3.0
_GROUP_OR_OTHERS = 0o077


class State(StrEnum):
    """How a thing is."""

    GOOD = "good"
    WARNING = "warning"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at."""

    about: str
    state: State
    said: str


def examine(directory: Path, at: datetime) -> list[Finding]:
    """Everything that can be told from the instance's directory, and by asking who it depends on."""
    places = Places(directory)
    try:
        config = read_config(places.config)
    except LicetError as err:
        return [Finding("configuration", State.WRONG, str(err))]
    found = [Finding("configuration", State.GOOD, f"{places.config} is read")]
    checks: Sequence[tuple[str, Callable[[], Iterable[Finding]]]] = (
        ("permissions", lambda: _permissions(places)),
        ("keys", lambda: _keys(places)),
        ("disk", lambda: _disk(places)),
        ("store", lambda: _store(config)),
        ("log", lambda: _log(places, at)),
        ("orders", lambda: _orders(places)),
        ("service", lambda: _service(places)),
        ("upstreams", lambda: _upstreams(config)),
        ("websockets", _websockets),
        ("witnesses", lambda: _witnesses(config)),
    )
    for about, check in checks:
        try:
            found += check()
        except (LicetError, ReceiptError, OSError, sqlite3.Error) as err:
            found.append(Finding(about, State.WRONG, str(err)))
    return found


def _permissions(places: Places) -> Iterator[Finding]:
    private = [places.directory, places.secrets, *places.secrets.glob("*"), *places.directory.glob("tokens/*")]
    private += [
        path for path in (places.administrator_token, places.orders, places.log, places.objects) if path.exists()
    ]
    private += [path for path in (places.directory / "tokens", places.directory / "licet.db") if path.exists()]
    open_ = [path for path in private if path.stat().st_mode & _GROUP_OR_OTHERS]
    for path in open_:
        yield Finding("permissions", State.WRONG, f"others may read `{path}`: chmod go= {path}")
    if not open_:
        yield Finding("permissions", State.GOOD, f"{len(private)} private files and folders are their owner's alone")
    left = sorted(path.stem for path in places.directory.glob("tokens/*.token"))
    if left:
        said = f"tokens of {', '.join(left)} lie in the instance: hand each over, and keep no copy"
        yield Finding("permissions", State.WARNING, said)


def _keys(places: Places) -> Iterator[Finding]:
    read_pepper(places.pepper)
    read_signing_key(places.policy_key)
    read_log_keys(places.directory)
    if record_key_path(places.directory).exists():
        read_record_key(places.directory)
    yield Finding("keys", State.GOOD, "pepper, policy key, log keys and record key can be used")


def _disk(places: Places) -> Iterator[Finding]:
    free = shutil.disk_usage(places.directory).free
    state = State.WRONG if free < _LEAST_BYTES else State.WARNING if free < _FEW_BYTES else State.GOOD
    said = f"{free / 1024**3:.1f} GiB free where `{places.directory}` lies"
    yield Finding("disk", state, said if state is State.GOOD else f"{said}; a full disk stops restricted items")


def _store(config: Config) -> Iterator[Finding]:
    path = Path(config.store_url.removeprefix("sqlite:///"))
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=_PATIENCE_S)) as database:
        (said,) = database.execute("PRAGMA quick_check(1)").fetchone()
    if said != "ok":
        yield Finding("store", State.WRONG, f"`{path}` is damaged: {said}")
        return
    store = Store(config.store_url)
    try:
        with store.read() as tx:
            form, waiting = tx.revision, tx.people.waiting()
            broken = sorted(tx.broken_invariants)
    finally:
        store.close()
    if form != HEAD:
        yield Finding("store", State.WARNING, f"its form is {form}; `licet serve` brings it up to {HEAD}")
    else:
        yield Finding("store", State.GOOD, f"`{path}` is whole, of form {form}")
    if waiting:
        yield Finding("store", State.WARNING, f"{waiting} proposed acts wait for a second person: licet pending list")
    for name in broken:
        yield Finding("store", State.WARNING, f"the policy in force breaks the invariant `{name}`")


def _log(places: Places, at: datetime) -> Iterator[Finding]:
    if not places.log.exists():
        yield Finding("log", State.WARNING, "there is no log yet; the first `licet serve` makes one")
        return
    key = read_record_key(places.directory) if record_key_path(places.directory).exists() else None
    with open_reader(places.log, key) as reader, reader.snapshot():
        size, _ = reader.tree()
        verify_checkpoint(reader.newest(), read_log_keys(places.directory).policy)
        last = next(iter(reader.entries(size - 1)), None)
        latest = None if last is None or key is None else reader.open(last).at
    yield Finding("log", State.GOOD, f"{size} records under a checkpoint that verifies; `licet log verify` checks each")
    if latest is None:
        return
    ahead = latest - at
    if ahead > _TOLERANCE:
        said = f"the clock says {format_instant(at)}, {ahead} before the last record: nothing restricted is served so"
        yield Finding("clock", State.WRONG, said)
    else:
        yield Finding("clock", State.GOOD, f"not before the last record, of {format_instant(latest)}")


def _orders(places: Places) -> Iterator[Finding]:
    names = sorted(path.stem for path in places.orders.glob(f"*{ORDER}"))
    if names:
        said = f"stop orders in force that are not yet on record: {', '.join(names)}"
        yield Finding("orders", State.WARNING, said)


def _service(places: Places) -> Iterator[Finding]:
    if not places.announcement.exists():
        yield Finding("service", State.WARNING, f"it is not running: licet serve --dir {places.directory}")
        return
    url = json.loads(places.announcement.read_text(encoding="utf-8"))["control"]
    status, body = _get(f"{url}/readyz")
    ready = json.loads(body)
    if ready.get("ready"):
        yield Finding("service", State.GOOD, "it is ready: policy fresh, feed current, log writer answers")
    else:
        reasons = ", ".join(ready.get("reasons", [])) or f"status {status}"
        yield Finding("service", State.WRONG, f"restricted items cannot be served now: {reasons}")


def _upstreams(config: Config) -> Iterator[Finding]:
    for upstream in config.upstreams:
        url = upstream.base_url
        yield _reached("upstreams", f"`{upstream.name}` at {url.origin()}", url.host or "", url.port or 0, url.scheme)


def _websockets() -> Iterator[Finding]:
    if has_websockets():
        yield Finding("websockets", State.GOOD, "the extra `realtime` is installed: sockets are served")
    else:
        yield Finding("websockets", State.WARNING, "sockets are refused: install licet[realtime] if they are wanted")


def _witnesses(config: Config) -> Iterator[Finding]:
    for witness in config.witnesses:
        parts = urllib.parse.urlsplit(witness.url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
        yield _reached("witnesses", f"`{witness.key.name}`", parts.hostname or "", port, parts.scheme)
    if not config.witnesses:
        said = "nobody witnesses the log: who has its file and its keys could write it anew"
        yield Finding("witnesses", State.WARNING, said)


def _reached(about: str, name: str, host: str, port: int, scheme: str) -> Finding:
    """A connection, with TLS where it is due; nothing is asked."""
    try:
        with socket.create_connection((host, port), _PATIENCE_S) as connection:
            if scheme == "https":
                ssl.create_default_context().wrap_socket(connection, server_hostname=host).close()
    except (OSError, ValueError) as err:
        return Finding(about, State.WRONG, f"{name} cannot be reached: {err}")
    return Finding(about, State.GOOD, f"{name} is reached")


def _get(url: str) -> tuple[int, bytes]:
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=_PATIENCE_S) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as err:
        with err:
            return err.code, err.read()
