"""Where the replica puts rows of each kind."""

from collections.abc import Iterable
from typing import TypeVar

from licet.decisions import RowKind
from licet.errors import InputError
from licet.fleet.changed import Changed
from licet.parties import EvidenceIssuer, IdentityVendor, Standing, evidence_issuer_name, vendor_name
from licet.terms import PartyId

Key = TypeVar("Key")
Value = TypeVar("Value")


def place_voucher(
    vouching: dict[str, EvidenceIssuer | IdentityVendor], kind: RowKind, key: str, row: object
) -> Changed:
    """Say whose word is taken beside organizations', by the names under which standings have them.

    Raises:
        InputError: it is a row of none of these kinds.
    """
    match kind, row:
        case RowKind.EVIDENCE_ISSUER, EvidenceIssuer() | None:
            name = evidence_issuer_name(key)
        case RowKind.VENDOR, IdentityVendor() | None:
            name = vendor_name(key)
        case _:
            raise InputError(f"expected a row of the kind `{kind}`, found another at `{key}`", code="bad_row")
    put(vouching, str(name), None if row is None or row.suspended else row)
    return Changed(everything=True)  # it may have vouched for anybody


def of_kind(type_: type[Value], row: object) -> Value | None:
    """The row, of the kind that it must be.

    Raises:
        InputError: it is another.
    """
    if row is not None and not isinstance(row, type_):
        raise InputError(f"expected a row of the kind `{type_.__name__}`, found another", code="bad_row")
    return row


def all_of(type_: type[Value], rows: Iterable[object]) -> tuple[Value, ...] | None:
    """The rows of a kind; None where there are none."""
    return tuple(row for row in rows if isinstance(row, type_)) or None


def subject(row: object) -> PartyId | None:
    """Whose standing it is."""
    return row.subject if isinstance(row, Standing) else None


def put(table: dict[Key, Value], key: Key, row: Value | None) -> None:
    """Put a row in its place, or take it out."""
    if row is None:
        table.pop(key, None)
    else:
        table[key] = row
