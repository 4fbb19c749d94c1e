"""One spelling of a JSON value, so that equal values have equal digests."""

import hashlib
import json


def canonical_json(value: object) -> bytes:
    """Serialize with sorted keys, no spaces and UTF-8; refuse what JSON cannot say.

    The subset of RFC 8785 that licet's values need: strings, integers, booleans,
    null, arrays and objects. Floats are refused because two writers may spell one
    number differently.

    Raises:
        TypeError: the value holds a float or something that is not JSON.
    """
    _refuse_floats(value)
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def digest(value: object) -> str:
    """SHA-256 of the canonical JSON, in lowercase hexadecimal."""
    return hashlib.sha256(canonical_json(value)).hexdigest()


def _refuse_floats(value: object) -> None:
    if isinstance(value, float):
        raise TypeError(f"canonical JSON holds no floats, found `{value}`")
    if isinstance(value, dict):
        for key, member in value.items():
            if not isinstance(key, str):
                raise TypeError(f"canonical JSON has string keys, found `{key!r}`")
            _refuse_floats(member)
    elif isinstance(value, list | tuple):
        for member in value:
            _refuse_floats(member)
