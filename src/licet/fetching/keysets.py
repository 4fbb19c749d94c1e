"""The keys of issuers, fetched, kept a while, and fetched again when one is new.

A set is renewed in the background once it is five minutes old. A key that is not in
it has it fetched anew, by one fetch for all who wait, and at most one in 30 s: a
stream of made-up key ids reaches an issuer no faster. A set that could not be renewed
for an hour is believed no longer.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from licet.errors import EvidenceError, InputError, UnavailableError
from licet.fetching.fetch import Fetch
from licet.parties.evidence import PublicKey, read_object, read_public_key

RENEW_S = 300.0
STALE_S = 3600.0
RETRY_S = 30.0
MOST_KEYS = 100

_log = logging.getLogger("licet.fetching")
_NEVER = float("-inf")


class HasKeys(Protocol):
    """Whoever publishes keys. Told from others by its value, so that one whose address changed is another."""

    @property
    def id(self) -> str:
        """What it is called here."""
        ...

    @property
    def jwks_url(self) -> str:
        """Where its keys are."""
        ...

    def __hash__(self) -> int: ...


@dataclass(slots=True)
class _Held:
    keys: Mapping[str, PublicKey]
    fetched_at: float = _NEVER
    tried_at: float = _NEVER
    flight: "asyncio.Task[None] | None" = None


class KeySets:
    """The key sets of every issuer.

    Args:
        fetch: Gives the document at an issuer's `jwks_url`.
        monotonic: A clock that only goes forward.
    """

    def __init__(self, fetch: Fetch, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._monotonic = monotonic
        self._held: dict[HasKeys, _Held] = {}

    async def find(self, issuer: HasKeys, key_id: str) -> PublicKey | None:
        """The issuer's key of that name; None if it has none.

        Raises:
            UnavailableError: with the code `issuer_keys_unavailable`, its keys are not known, or too old.
        """
        held = self._held.setdefault(issuer, _Held({}))
        if self._is_stale(held):
            await self._renew(issuer, held)
            if self._is_stale(held):
                raise UnavailableError("the token's issuer does not give its keys", code="issuer_keys_unavailable")
        if key_id not in held.keys:
            await self._renew(issuer, held)
        self._renew_in_time(issuer, held)
        return held.keys.get(key_id)

    def holds(self, issuer: HasKeys, key_id: str, key: PublicKey) -> bool:
        """Whether the key is still the issuer's of that name, as far as is known."""
        held = self._held.get(issuer)
        if held is None or self._is_stale(held):
            return False
        self._renew_in_time(issuer, held)
        return held.keys.get(key_id) is key

    async def close(self) -> None:
        """End what is being fetched."""
        flights = [held.flight for held in self._held.values() if held.flight is not None]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _is_stale(self, held: _Held) -> bool:
        return self._monotonic() - held.fetched_at >= STALE_S

    def _renew_in_time(self, issuer: HasKeys, held: _Held) -> None:
        """Begin to renew a set that is neither fresh nor stale; nobody waits for it."""
        if self._monotonic() - held.fetched_at >= RENEW_S:
            self._begin(issuer, held)

    async def _renew(self, issuer: HasKeys, held: _Held) -> None:
        self._begin(issuer, held)
        if held.flight is not None:
            # Shielded: a caller who leaves must not take the keys of the others with them.
            await asyncio.shield(held.flight)

    def _begin(self, issuer: HasKeys, held: _Held) -> None:
        """Fetch, unless that is being done, or was tried just now."""
        if held.flight is None and self._monotonic() - held.tried_at >= RETRY_S:
            held.tried_at = self._monotonic()
            held.flight = asyncio.create_task(self._load(issuer, held))

    async def _load(self, issuer: HasKeys, held: _Held) -> None:
        try:
            held.keys = read_key_set(await self._fetch(issuer.jwks_url))
            held.fetched_at = self._monotonic()
        except (UnavailableError, InputError) as err:
            _log.warning("the keys of the issuer `%s` could not be fetched: %s", issuer.id, err)
        except Exception:  # noqa: BLE001  # whatever went wrong, those who wait get an answer, and it is tried again
            _log.exception("the keys of the issuer `%s` could not be fetched", issuer.id)
        finally:
            held.flight = None


def read_key_set(body: bytes) -> dict[str, PublicKey]:
    """The usable keys of a set by their names. A name that two keys have is no key's.

    Raises:
        InputError: it is no key set.
    """
    try:
        listed = read_object(body).get("keys")
    except EvidenceError as err:
        raise InputError("expected a JSON object with `keys`", code="bad_key_set") from err
    if not isinstance(listed, list) or len(listed) > MOST_KEYS:
        raise InputError(f"expected a JSON object with at most {MOST_KEYS} `keys`", code="bad_key_set")
    named = [jwk for jwk in listed if isinstance(jwk, dict) and isinstance(jwk.get("kid"), str)]
    names = [jwk["kid"] for jwk in named]
    keys = {}
    for jwk in named:
        try:
            if names.count(jwk["kid"]) == 1:
                keys[jwk["kid"]] = read_public_key(jwk)
        except InputError:
            continue  # a set may hold keys for other things, or of kinds that are not in use here
    return keys
