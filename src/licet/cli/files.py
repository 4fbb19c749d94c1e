"""Files that a person names: read whole and bounded, written only where nothing was."""

import json
import os
from pathlib import Path
from typing import Any

from licet.errors import InputError

_MAX_FILE_BYTES = 4_000_000


def read_bytes(path: Path, most: int = _MAX_FILE_BYTES) -> bytes:
    """A file that a person named, as it is.

    Raises:
        InputError: it cannot be read, or is too large to be meant.
    """
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as err:
        raise InputError(f"`{path}` cannot be read: {err.strerror}", code="unreadable_file") from err
    if len(data) > most:
        raise InputError(f"expected `{path}` to be at most {most:,} bytes", code="file_too_large")
    return data


def read_text(path: Path) -> str:
    """A file that a person named, as text.

    Raises:
        InputError: it cannot be read, is not UTF-8, or is too large to be meant.
    """
    try:
        return read_bytes(path).decode("utf-8-sig")
    except UnicodeDecodeError as err:
        raise InputError(f"expected `{path}` to be a text in UTF-8", code="unreadable_file") from err


def read_json(path: Path) -> dict[str, Any]:
    """A file that holds one JSON object.

    Raises:
        InputError: it does not.
    """
    try:
        value = json.loads(read_text(path))
    except (ValueError, RecursionError) as err:
        raise InputError(f"expected a JSON object in `{path}`", code="unreadable_file") from err
    if not isinstance(value, dict):
        raise InputError(f"expected a JSON object in `{path}`", code="unreadable_file")
    return value


def write_new(path: Path, text: str, mode: int = 0o600) -> None:
    """Write a new file; one that exists is somebody's and stays as it is.

    Raises:
        InputError: it exists or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError as err:
        raise InputError(f"expected a new file, found that `{path}` exists", code="file_exists") from err
    except OSError as err:
        raise InputError(f"`{path}` cannot be written: {err.strerror}", code="unwritable_file") from err
