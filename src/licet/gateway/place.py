"""The country of an address, from a database file that the operator supplies.

An address is weak evidence: whoever rents a relay has another. It is never
recorded, and what the database does not know is unknown.
"""

import logging
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from licet.errors import ConfigurationError
from licet.gateway.network import Address
from licet.terms import is_country

_log = logging.getLogger("licet.gateway")
_MOST_REMEMBERED = 50_000


class _Reader(Protocol):
    """What of a reader of `maxminddb` is used."""

    def get(self, ip_address: str) -> Any:
        """What is known of an address."""
        ...

    def metadata(self) -> Any:
        """What is known of the file."""
        ...


class PlaceDatabase:
    """The countries of addresses.

    Args:
        path: A file in the MMDB format. It is read whole, so that it may be replaced at any time.
        max_age: The age from which its word counts no longer.
    """

    def __init__(self, path: Path, max_age: timedelta) -> None:
        self._path = path
        self._max_age = max_age
        self._reader, self._built_at = _open(path)
        self._known: dict[Address, str | None] = {}

    def require_fresh(self, now: datetime) -> None:
        """Refuse a file that is too old, or that is of the future.

        Raises:
            ConfigurationError: it is.
        """
        if self._built_at > now + timedelta(days=1) or now - self._built_at >= self._max_age:
            raise ConfigurationError(
                f"`place.database`: expected a file made within {self._max_age.days} days, "
                f"found that `{self._path}` was made on {self._built_at.date()}"
            )

    def reload(self, now: datetime) -> None:
        """Read the file anew; one that cannot be used leaves the old one in place."""
        try:
            fresh = PlaceDatabase(self._path, self._max_age)
            fresh.require_fresh(now)
        except ConfigurationError as err:
            _log.error("the places of addresses stay as they were: %s", err)
            return
        self._reader, self._built_at, self._known = fresh._reader, fresh._built_at, {}  # another of this class
        _log.info("the places of addresses were read anew")

    def country(self, address: Address, now: datetime) -> str | None:
        """The ISO country of an address; None if it is unknown, or the file has become too old."""
        if now - self._built_at >= self._max_age:
            return None
        if address not in self._known:
            if len(self._known) >= _MOST_REMEMBERED:
                self._known.clear()
            self._known[address] = self._look(address)
        return self._known[address]

    def _look(self, address: Address) -> str | None:
        try:
            found = self._reader.get(str(address))
        except Exception:  # noqa: BLE001  # whatever a damaged file makes the reader raise, the place is unknown
            _log.exception("the place of an address could not be read")
            return None
        return _country_in(found)


def _open(path: Path) -> tuple[_Reader, datetime]:
    try:
        import maxminddb  # noqa: PLC0415  # only who names a database needs the package
    except ImportError as err:
        raise ConfigurationError("`place.database`: expected the package of `pip install licet[place]`") from err
    try:
        reader = maxminddb.open_database(path, maxminddb.MODE_MEMORY)
        built_at = datetime.fromtimestamp(reader.metadata().build_epoch, UTC)
    except (OSError, ValueError, OverflowError, maxminddb.InvalidDatabaseError) as err:
        raise ConfigurationError(f"`place.database`: expected a file in the MMDB format at `{path}`: {err}") from err
    return reader, built_at


def _country_in(found: object) -> str | None:
    """The country of a record: `country.iso_code` in most files, `country` or `country_code` in some."""
    if not isinstance(found, dict):
        return None
    country = found.get("country", found.get("country_code"))
    code = country.get("iso_code") if isinstance(country, dict) else country
    return code if isinstance(code, str) and is_country(code) else None
