"""What a verification vendor tells us: a reference given first, then events of it, each taken once and in order.

The body is read, reduced to what the mapping names, and dropped; the store keeps of a
reference and of an event their digests.
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from licet.control.act import Act, Intent
from licet.control.desk import Desk
from licet.control.mandates import Effect
from licet.control.registry import accepted, require_party, withdraw_earlier
from licet.decisions import Caller, RowKind
from licet.errors import ConflictError, EvidenceError, NotFoundError
from licet.fetching import KeySets
from licet.fleet import Clock, new_record_id
from licet.parties import IdentityVendor, Meaning, Scheme, Standing, Withdrawal, vendor_name
from licet.parties.evidence import (
    PublicKey,
    Refusal,
    VendorEvent,
    VendorTrust,
    event_key,
    read_event,
    refused,
    vendor_standing,
)
from licet.parties.vendor import REFERENCE_PLACE
from licet.records import RecordKind
from licet.stores import Inquiry, Store, Transaction, event_mark


class Taken(StrEnum):
    """What became of an event. All are answered alike: a vendor sends again what it thinks was not heard."""

    ACCEPTED = "accepted"
    WITHDRAWN = "withdrawn"
    OVERTAKEN = "overtaken"
    MEANINGLESS = "meaningless"
    UNKNOWN_REFERENCE = "unknown_reference"


@dataclass(frozen=True, slots=True)
class Reference:
    """What a caller takes to the vendor: opaque, for their party alone; and where to begin, if that is known."""

    text: str
    start_url: str | None


@dataclass(frozen=True, slots=True)
class Callbacks:
    """Who gives references and takes events.

    Attributes:
        secrets: What vendors sign with, by their names; several while they change over.
        keys: Of vendors that sign with keys.
    """

    store: Store
    desk: Desk
    clock: Clock
    pepper: bytes
    keys: KeySets
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)

    async def refer(self, caller: Caller, vendor: str) -> Reference:
        """Give the caller a reference for a vendor.

        Raises:
            InputError: the key is not of one party.
            NotFoundError: there is no such vendor.
            EvidenceError: it is suspended.
            ConflictError: the party has as many that wait as may be.
        """
        party, found = require_party(caller), self._vendor(vendor)
        if found.suspended:
            raise refused(Refusal.ISSUER_SUSPENDED, "the vendor is suspended")
        text = secrets.token_urlsafe(24)
        with self.store.write() as tx:
            tx.get(RowKind.PARTY, party)
            tx.inquiries.begin(text, vendor, party, caller.key, self.clock.now())
        start = None if found.start_url is None else found.start_url.replace(REFERENCE_PLACE, text)
        return Reference(text, start)

    async def take(self, vendor: str, signatures: Mapping[str, str], body: bytes) -> Taken:
        """Take an event.

        Args:
            vendor: Whose door it came to.
            signatures: The request's headers that came once, by their names in lower case.
            body: As it came.

        Raises:
            NotFoundError: there is no such vendor.
            EvidenceError: the event must not be believed.
            ConflictError: another event came between; the vendor sends this one again.
            UnavailableError: the store, the log or the vendor's keys did not answer.
        """
        found = self._vendor(vendor)
        signature = signatures.get(found.header)
        trust = VendorTrust(self._secrets(found), await self._keys(found, body))
        signature_bytes = None if signature is None else signature.encode()
        event = read_event(body, signature_bytes, found, trust, self.clock.now())
        with self.store.read() as tx:
            inquiry = tx.inquiries.find(event.reference, vendor)
        if inquiry is None:
            return Taken.UNKNOWN_REFERENCE
        if event.meaning is None:
            return Taken.MEANINGLESS
        if not _counts(inquiry, event):
            return Taken.OVERTAKEN
        if event.meaning is Meaning.WITHDRAWN:
            return await self._withdraw(found, event, inquiry)
        return await self._accept(found, event, inquiry)

    async def _accept(self, vendor: IdentityVendor, event: VendorEvent, inquiry: Inquiry) -> Taken:
        now = self.clock.now()
        try:
            standing = vendor_standing(event, vendor, (inquiry.party, inquiry.key), new_record_id(now), self.pepper)
        except EvidenceError as err:
            if err.code != Refusal.NOTHING_ESTABLISHED:
                raise
            return Taken.MEANINGLESS

        def change(tx: Transaction, at: datetime) -> Standing:
            _advance(tx, vendor, event, inquiry)
            withdraw_earlier(tx, standing, at)
            tx.put(standing)
            return standing

        act = Act("evidence.accept", f"vendor:{vendor.id}", accepted(standing), kind=RecordKind.EVIDENCE)
        try:
            await self.desk.carry_out(Intent(act, change))
        except ConflictError as err:
            # What the vendor has said of another reference of the party is later.
            if err.code != "attestation_superseded":
                raise
            return Taken.OVERTAKEN
        return Taken.ACCEPTED

    async def _withdraw(self, vendor: IdentityVendor, event: VendorEvent, inquiry: Inquiry) -> Taken:
        """Believe nothing of it any longer, at once; a late event from before it changes nothing then."""
        with self.store.read() as tx:
            stands = [row.id for row in _until(tx, vendor, inquiry, event)]
        if not stands:
            with self.store.write() as tx:
                _advance(tx, vendor, event, inquiry)
            return Taken.WITHDRAWN

        def change(tx: Transaction, at: datetime) -> None:
            _advance(tx, vendor, event, inquiry)
            for row in _until(tx, vendor, inquiry, event):
                tx.put(replace(row, withdrawn_at=at, withdrawal=Withdrawal.BY_ISSUER))

        details = {"party": inquiry.party, "issuer": vendor_name(vendor.id), "standings": stands}
        act = Act("evidence.revoke", f"vendor:{vendor.id}", details, Effect.TIGHTENS, RecordKind.EVIDENCE)
        await self.desk.carry_out(Intent(act, change))
        return Taken.WITHDRAWN

    def _vendor(self, name: str) -> IdentityVendor:
        with self.store.read() as tx:
            row = tx.find(RowKind.VENDOR, name)
        if not isinstance(row, IdentityVendor):
            raise NotFoundError("expected a vendor that is enrolled", code="unknown_vendor")
        return row

    def _secrets(self, vendor: IdentityVendor) -> list[bytes]:
        return [secret.encode() for secret in self.secrets.get(vendor.id, ())]

    async def _keys(self, vendor: IdentityVendor, body: bytes) -> dict[str, PublicKey]:
        name = event_key(body) if vendor.scheme is Scheme.JWS and not vendor.suspended else None
        key = None if name is None else await self.keys.find(replace(vendor, suspended=False), name)
        return {} if name is None or key is None else {name: key}


def _counts(inquiry: Inquiry, event: VendorEvent) -> bool:
    return inquiry.is_after(event.at, event_mark(event.number), tightens=event.meaning is Meaning.WITHDRAWN)


def _advance(tx: Transaction, vendor: IdentityVendor, event: VendorEvent, inquiry: Inquiry) -> None:
    """Make it the latest of its reference, unless another was taken meanwhile."""
    if tx.inquiries.find(event.reference, vendor.id) != inquiry:
        raise ConflictError("another event of the reference came between", code="overtaken")
    if tx.find(RowKind.VENDOR, vendor.id) != vendor:
        raise refused(Refusal.ISSUER_SUSPENDED, "the vendor's enrollment has changed")
    tx.inquiries.advance(event.reference, event.at, event.number)


def _until(tx: Transaction, vendor: IdentityVendor, inquiry: Inquiry, event: VendorEvent) -> list[Standing]:
    """What the vendor has said of the party until an event, and has not taken back."""
    said = [x for x in tx.holdings.standings(inquiry.party) if x.issuer == vendor_name(vendor.id)]
    return [x for x in said if x.withdrawn_at is None and x.verified_at <= event.at]
