"""A stop that needs no control plane: an order signed on the gateway's own machine.

It is a file, so that it works without a store, a log, a proof or a network, survives
every restart, and never expires by itself. Little is imported here, since a stop waits
for it.

    ID.jws     an order in force
    ID.N.seen  the worker N heeds it
    ID.done    it is a stop in the store, and on record; the order is gone
"""

import json
import os
import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from licet.errors import InputError, TrustError, UnavailableError
from licet.terms import ItemId, canonical_json, format_instant, parse_instant

TYPE = "licet-stop+jws"
LONGEST_DRAIN_S = 600
"""For how long answers may go on after a stop, at most."""
ORDER, SEEN, DONE = ".jws", ".seen", ".done"
_ALGORITHMS = ["Ed25519"]
_LOOK_S, _PATIENCE_S = 0.05, 3.0


@dataclass(frozen=True, slots=True)
class StopOrder:
    """Take items offline for everybody.

    Attributes:
        items: Which, by id; without any, whatever a directive ever named.
        everything: Every item there is, and `items` are not looked at.
        by: Who ordered it, as they named themselves on that machine.
        drain_s: For how many seconds answers may go on that are being given; 0 ends them at once.
    """

    id: str
    items: tuple[ItemId, ...]
    everything: bool
    by: str
    at: datetime
    drain_s: int = 0

    @property
    def drain_until(self) -> datetime | None:
        """Until when they may."""
        return self.at + timedelta(seconds=self.drain_s) if self.drain_s else None


def sign_order(order: StopOrder, key: OKPKey) -> str:
    """A compact JWS over the order's canonical JSON, by the key that signs policies.

    Source: RFC 7515; RFC 9864 for the algorithm's name.
    """
    value = {
        "id": order.id,
        "items": list(order.items),
        "everything": order.everything,
        "by": order.by,
        "at": format_instant(order.at),
        "drain_s": order.drain_s,
    }
    return jws.serialize_compact({"alg": "Ed25519", "typ": TYPE}, canonical_json(value), key, algorithms=_ALGORITHMS)


def read_order(token: str, key: OKPKey) -> StopOrder:
    """The order inside a token.

    Raises:
        TrustError: its signature or its type is not to be believed, or it is no order.
    """
    try:
        signed = jws.deserialize_compact(token, key, algorithms=_ALGORITHMS)
        if signed.headers().get("typ") != TYPE:
            raise TrustError(f"expected a token of the type `{TYPE}`", code="order_untrusted")
        return _order(json.loads(signed.payload or b""))
    except (JoseError, InputError, ValueError, KeyError, TypeError) as err:
        raise TrustError(f"the stop order does not verify: {err}", code="order_untrusted") from err


def _order(value: dict[str, Any]) -> StopOrder:
    if not all(isinstance(value[name], str) for name in ("id", "by", "at")) or type(value["everything"]) is not bool:
        raise InputError("expected a stop order")
    drain_s = value.get("drain_s", 0)  # an order of before there were drains is in force as it was
    if type(drain_s) is not int or not 0 <= drain_s <= LONGEST_DRAIN_S:
        raise InputError(f"expected a drain of 0 to {LONGEST_DRAIN_S} seconds")
    return StopOrder(
        value["id"],
        tuple(ItemId(str(item)) for item in value["items"]),
        value["everything"],
        value["by"],
        parse_instant(value["at"]),
        drain_s,
    )


@dataclass(frozen=True, slots=True)
class Became:
    """What became of an order: by how many workers it is heeded, and what the act was answered, if it was taken."""

    heeded_by: int
    answer: dict[str, Any] | None


class OrderFolder:
    """The orders of one instance."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def give(self, order: StopOrder, key: OKPKey) -> None:
        """Put an order into force, durably.

        Raises:
            UnavailableError: it could not be written.
        """
        try:
            self.folder.mkdir(mode=0o700, exist_ok=True)
            write_durably(self.folder / f"{order.id}{ORDER}", sign_order(order, key).encode())
        except OSError as err:
            raise UnavailableError(f"the order could not be written: {err}", code="order_unwritten") from err

    def became(self, number: str, workers: int, patience_s: float = _PATIENCE_S) -> Became:
        """Wait for as many workers, and for the record; not longer than `patience_s`."""
        deadline = time.monotonic() + patience_s
        heeded_by, done = 0, self.folder / f"{number}{DONE}"
        while time.monotonic() < deadline:
            with suppress(OSError):
                heeded_by = max(heeded_by, len(list(self.folder.glob(f"{number}.*{SEEN}"))))
            with suppress(OSError, ValueError):
                answer = json.loads(done.read_bytes())
                done.unlink()
                return Became(max(heeded_by, workers), answer)
            time.sleep(_LOOK_S)
        return Became(heeded_by, None)


def write_durably(path: Path, content: bytes) -> None:
    """Write a whole file, durably, or none."""
    fresh = path.with_name(f".{path.name}.new")
    with fresh.open("wb") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
