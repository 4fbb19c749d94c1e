"""A row of the log as JSON, with what is sealed where it can be opened."""

from typing import Any

from licet.errors import ConfigurationError, InputError, NotFoundError, TrustError
from licet.logwriter.reader import LogReader
from licet.logwriter.rows import StoredRow
from licet.records import Record


def opened_value(reader: LogReader, row: StoredRow) -> dict[str, Any]:
    """A row as JSON: opened, or erased, locked or damaged; one that cannot be read hides no other."""
    value: dict[str, Any] = {"index": row.index, "id": row.id, "at": row.at, "kind": row.kind}
    value |= {"hash": row.hash.hex(), "damaged": False, "erased": False, "locked": False}
    value |= {"leaf": None, "body": None}
    try:
        told = row.told()
        value["leaf"] = None if isinstance(told, Record) else dict(told.plain)
        value["body"] = dict(reader.open(row).body)
    except NotFoundError:
        value["erased"] = True
    except ConfigurationError:
        value["locked"] = True
    except (InputError, TrustError):
        value["damaged"] = True
    return value
