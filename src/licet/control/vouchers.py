"""Whose word is taken beside organizations': identity providers and verification vendors.

A row of them is an anchor of trust and never goes: it is suspended, and a name is given
once, so that what one has said is never another's.
"""

from dataclasses import asdict, replace
from datetime import datetime
from typing import Any, TypeAlias

from licet.control.act import Act, Intent
from licet.control.mandates import Effect
from licet.decisions import Row, RowKind, row_key
from licet.errors import ConflictError
from licet.parties import EvidenceIssuer, IdentityVendor
from licet.stores import Transaction
from licet.terms import digest

Voucher: TypeAlias = EvidenceIssuer | IdentityVendor


class Vouchers:
    """The acts about them."""

    def add(self, by: str, row: Voucher) -> Intent[Row]:
        """Take the word of one more; the record has its terms, of which nothing is secret."""
        kind, _ = row_key(row)

        def change(tx: Transaction, at: datetime) -> Row:  # noqa: ARG001  # every change takes the instant
            if tx.find(kind, row.id) is not None:
                raise ConflictError(f"expected a new name, found that `{row.id}` exists", code=f"{kind}_exists")
            _require_other_url(tx, row)
            tx.put(row)
            return row

        terms: dict[str, Any] = {"country": row.country, "url": row.url} if isinstance(row, EvidenceIssuer) else {}
        details = {
            kind.value: row.id,
            "assurance": row.assurance.name.lower(),
            "max_age_days": row.max_age_days,
            "terms": digest(asdict(row)),
            **terms,
        }
        return Intent(Act(f"{kind}.add", by, details, Effect.LOOSENS), change)

    def suspend(self, by: str, kind: RowKind, name: str) -> Intent[str]:
        """Believe nothing that it says or said; who is served by its word is cut at once."""
        return _setting(Act(f"{kind}.suspend", by, {kind.value: name}, Effect.TIGHTENS), kind, name, suspended=True)

    def resume(self, by: str, kind: RowKind, name: str) -> Intent[str]:
        """Believe it again, also what it said before."""
        return _setting(Act(f"{kind}.resume", by, {kind.value: name}, Effect.LOOSENS), kind, name, suspended=False)


def _setting(act: Act, kind: RowKind, name: str, *, suspended: bool) -> Intent[str]:
    def change(tx: Transaction, at: datetime) -> str:  # noqa: ARG001  # every change takes the instant
        row = tx.get(kind, name)
        if not isinstance(row, EvidenceIssuer | IdentityVendor) or row.suspended == suspended:
            expected = "believed" if suspended else "suspended"
            raise ConflictError(f"expected one that is {expected}, found `{name}` is not", code="nothing_to_change")
        tx.put(replace(row, suspended=suspended))
        return name

    return Intent(act, change)


def _require_other_url(tx: Transaction, row: Voucher) -> None:
    if isinstance(row, EvidenceIssuer):
        for other in tx.every(RowKind.EVIDENCE_ISSUER):
            if isinstance(other, EvidenceIssuer) and other.url == row.url:
                raise ConflictError(f"expected another URL than that of `{other.id}`", code="evidence_issuer_exists")
