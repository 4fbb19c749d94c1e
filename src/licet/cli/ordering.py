"""A stop by an order on the gateway's own machine; imported only where the control plane does not answer."""

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from licet.cli.files import read_json
from licet.cli.instance import administrator_of
from licet.errors import ConfigurationError, InputError, LicetError
from licet.orders import OrderFolder, StopOrder
from licet.terms import ItemId


def order(directory: Path, items: list[str], *, everything: bool, drain_s: int, why: LicetError) -> Mapping[str, Any]:
    """Stop by an order, which needs no control plane, and say what became of it.

    Raises:
        LicetError: it cannot be signed or written.
    """
    folder = OrderFolder(directory / "orders")
    at = datetime.now(UTC)  # noqa: TID251  # the clock of the fleet takes half a second to import
    by = administrator_of(directory)
    given = StopOrder(secrets.token_hex(13), tuple(map(ItemId, items)), everything, by, at, drain_s)
    folder.give(given, _key(directory / "secrets" / "policy.jwk"))
    workers = _workers(directory)
    became = folder.became(given.id, workers)
    if became.answer is not None:
        return became.answer
    heeded = workers > 0 and became.heeded_by >= workers
    later = "it is on record as soon as the control plane answers; `licet status` shows it until then"
    notes = [f"{_first(workers, became.heeded_by)}, by order {given.id} ({why})", later]
    return {"order": given.id, "heeded": heeded, "workers": workers, "heeded_by": became.heeded_by, "notes": notes}


def _first(workers: int, heeded_by: int) -> str:
    if not workers:
        return "in force as soon as a gate serves this directory"
    if heeded_by >= workers:
        return "in force at the gate" if workers == 1 else f"in force at every one of {workers} workers"
    return f"in force at {heeded_by} of {workers} workers, and at each other one before it serves again"


def _workers(directory: Path) -> int:
    """How many workers serve; none where nothing does."""
    try:
        value = read_json(directory / "run" / "instance.json").get("workers", 1)
    except (InputError, AttributeError):
        return 0
    return value if isinstance(value, int) else 1


def _key(path: Path) -> OKPKey:
    try:
        return OKPKey.import_key(read_json(path))
    except (InputError, JoseError, ValueError, TypeError, KeyError):
        # The cause could quote the key.
        raise ConfigurationError(f"expected the key that signs orders at `{path}`") from None
