"""A copy of an instance's configuration, to rehearse on: its own keys, its own people, its own log.

The rows, the directives and counsel's readings are those of the instance, which may be
serving meanwhile. No secret and no record of it comes along: callers' keys are
nobody's in the copy, credentials of upstreams are left out, and every upstream is
another.
"""

import sqlite3
import tomllib
from collections.abc import Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from licet.app.backup import OWN_STORE, copy_database, store_at
from licet.app.create import create_instance
from licet.app.keys import PEPPER_PRINT
from licet.app.places import Places
from licet.errors import ConfigurationError, UnavailableError
from licet.stores import ACTING, Store

_ANY_PORT = {"gateway": "127.0.0.1:0", "control": "127.0.0.1:0"}
# Of who else may act, and of what waits for them or for the log, nothing is of use here.
_LEFT_OUT = ("administrators", "pending", "outbox", "nonces", "presented")


def copy_to_rehearse(directory: Path, target: Path, upstream: str, administrators: Iterable[str]) -> None:
    """Make the copy.

    Args:
        directory: Of the instance.
        target: A new directory.
        upstream: The URL that takes the place of every upstream's.
        administrators: Who may act in the copy; two must loosen there.

    Raises:
        ConfigurationError: the instance is none, or its store is not a file of its own.
        UnavailableError: the store cannot be copied.
    """
    places, copied = Places(directory), Places(target)
    try:
        # Not read as for serving: whoever rehearses need not have the credentials of upstreams.
        settings = tomllib.loads(places.config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as err:
        raise ConfigurationError(f"expected a configuration at `{places.config}`: {err}") from err
    source = store_at(places, settings.get("store", {}).get("url", OWN_STORE))
    create_instance(target, dict.fromkeys(administrators, ACTING))
    made = store_at(copied, OWN_STORE)
    people = made.with_name("people.db")
    try:
        made.rename(people)
        copy_database(source, made)
        store = Store(f"sqlite:///{made}")
        store.check()
        store.close()
        with closing(sqlite3.connect(made)) as database, database:
            database.execute("ATTACH ? AS fresh", (str(people),))
            for table in _LEFT_OUT:
                database.execute(f"DELETE FROM {table}")  # noqa: S608  # the names are written above
            database.execute("INSERT INTO administrators SELECT * FROM fresh.administrators")
            database.execute("DELETE FROM meta WHERE name = ?", (PEPPER_PRINT,))
            database.execute("UPDATE meta SET value = 'two' WHERE name = 'persons'")
        people.unlink()
    except (sqlite3.Error, OSError) as err:
        raise UnavailableError(f"the store cannot be copied: {err}", code="copy_failed") from err
    copied.config.write_text(_spell(_rehearsing(settings, upstream)), encoding="utf-8")


def _rehearsing(settings: Mapping[str, Any], upstream: str) -> dict[str, Any]:
    """The settings with other addresses, and without what is secret or somebody else's."""
    upstreams = {
        name: {"base_url": upstream, "dialects": one["dialects"]} for name, one in settings["upstreams"].items()
    }
    kept = {name: value for name, value in settings.items() if name not in ("log", "metrics", "place")}
    return {**kept, "store": {"url": OWN_STORE}, "listen": _ANY_PORT, "upstreams": upstreams}


def _spell(settings: Mapping[str, Any]) -> str:
    """Settings as TOML: tables of tables of plain values, each of which JSON spells as TOML does."""
    lines: list[str] = []
    for name, section in settings.items():
        tables = {f"{name}.{key}": value for key, value in section.items() if isinstance(value, dict)}
        for heading, members in (tables or {name: section}).items():
            lines.append(f"\n[{heading}]")
            lines += [f"{key} = {msgspec.json.encode(value).decode()}" for key, value in members.items()]
    return "\n".join(lines) + "\n"
