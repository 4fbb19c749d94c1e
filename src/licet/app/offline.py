"""What the files of an instance tell of it, also where nothing answers."""

import json
import os
import sqlite3
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from licet.app.places import Places
from licet.errors import LicetError
from licet.logwriter import open_reader, read_record_key
from licet.orders import ORDER, SEEN
from licet.terms import format_instant

_WORKER = "worker-"


def offline_status(places: Places, at: datetime) -> dict[str, Any]:
    """Processes, orders and the log, from files; what only the control process knows is named as not known."""
    processes = _processes(places)
    return {
        "at": format_instant(at),
        "control": {"state": "does not answer", **_alive(processes.get("control"), at)},
        "workers": [
            {"worker": int(name.removeprefix(_WORKER)), **_alive(found, at)}
            for name, found in sorted(processes.items())
            if name.startswith(_WORKER)
        ],
        "log": {**_alive(processes.get("log"), at), **log_file_shown(places, at)},
        "orders": _orders(places),
        "not_known": ["items", "policy", "running_answers", "snapshot_age_s", "pending_acts", "records_lost"],
    }


def log_file_shown(places: Places, at: datetime) -> dict[str, Any]:
    """How large the log is, and how old its last record."""
    shown: dict[str, Any] = {"bytes": None, "records": None, "last_record_age_s": None}
    with suppress(OSError):
        shown["bytes"] = places.log.stat().st_size
    with suppress(LicetError, OSError, sqlite3.Error):
        with open_reader(places.log, read_record_key(places.directory)) as reader, reader.snapshot():
            size, _ = reader.tree()
            last = next(iter(reader.entries(size - 1)), None) if size else None
            latest = None if last is None else reader.open(last).at
        shown["records"] = size
        shown["last_record_age_s"] = None if latest is None else round((at - latest).total_seconds(), 1)
    return shown


def _processes(places: Places) -> dict[str, Any]:
    try:
        found = json.loads(places.processes.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _alive(process: dict[str, Any] | None, at: datetime) -> dict[str, Any]:
    """Whether it runs, since when, and how often it was started again."""
    pid = None if process is None else process["pid"]
    if process is None or pid is None or not _runs(pid):
        return {"pid": None}
    since = datetime.fromtimestamp(process["since"], UTC)
    up_s = round((at - since).total_seconds(), 1)
    return {"pid": pid, "since": format_instant(since), "up_s": up_s, "restarts": process["restarts"]}


def _runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _orders(places: Places) -> list[dict[str, Any]]:
    """Orders in force, by name: what is in them, whoever has the key of policies can read."""
    found = []
    for path in sorted(places.orders.glob(f"*{ORDER}")):
        heeded = len(list(places.orders.glob(f"{path.stem}.*{SEEN}")))
        found.append({"order": path.stem, "heeded_by_workers": heeded})
    return found
