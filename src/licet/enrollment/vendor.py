"""The way by which a person has a verification vendor look at their documents.

The vendor's page is left for by a link. What comes of it comes to the vendor's door and not
with the person, so their page waits for it.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from licet.decisions import Prospects, Voucher, prospects
from licet.enrollment.forms import Form
from licet.enrollment.registrar import Registrar
from licet.enrollment.sessions import Notes
from licet.enrollment.ways import Answered, Asked, Leading, WayError
from licet.errors import InputError, LicetError
from licet.parties import AttestedStatus, EvidenceKind, IdentityVendor, Meaning, vendor_name


@dataclass(frozen=True, slots=True)
class VendorWay:
    """A verification at one of the vendors whose word is believed.

    Attributes:
        registrar: Who gives references.
    """

    id: ClassVar[str] = "vendor"

    registrar: Registrar

    def is_configured(self, asked: Asked) -> bool:
        """Whether there is a vendor where somebody can begin by a link."""
        return any(True for _ in _vendors(asked))

    def can_help(self, asked: Asked) -> bool:
        """Whether one of their words would turn the answer."""
        return bool(_helpful(asked))

    def shown(self, asked: Asked, notes: Notes) -> Mapping[str, Any]:
        """The vendors, and whether the answer of one is waited for."""
        return {
            "vendors": [
                {"id": one.id, "host": _host(one), "reads_nationality": one.nationality is not None}
                for one in _helpful(asked)
            ],
            "waits": self.is_waiting(notes),
        }

    def is_waiting(self, notes: Notes) -> bool:
        """From when somebody was sent there."""
        return "vendor" in notes

    async def arrive(self, asked: Asked, notes: Notes, query: str) -> Answered | None:  # noqa: ARG002  # as of the port
        """Look whether the vendor has answered since; nothing that the person brings is believed."""
        if self.is_waiting(notes) and str(_said(asked, notes["vendor"])) != notes.get("said"):
            return Answered()
        return None

    async def take(self, asked: Asked, notes: Notes, form: Form) -> Leading:
        """Give a reference, and lead to the vendor with it.

        Raises:
            WayError: none is given.
        """
        vendor = form.get("vendor", "")
        if vendor not in {one.id for one in _helpful(asked)}:
            raise WayError("begin", InputError("expected a vendor that is offered", code="not_offered"), notes)
        try:
            _, url = await self.registrar.refer(asked.caller, vendor)
        except LicetError as err:
            raise WayError("begin", err, notes) from err
        if url is None:
            raise WayError("begin", InputError("expected a vendor that is offered", code="not_offered"), notes)
        return Leading(url, {"vendor": vendor, "said": str(_said(asked, vendor))})


def _vendors(asked: Asked) -> Iterator[IdentityVendor]:
    for row in asked.snapshot.vouching.values():
        if isinstance(row, IdentityVendor) and row.start_url is not None:
            yield row


def _helpful(asked: Asked) -> list[IdentityVendor]:
    return [vendor for vendor in _vendors(asked) if _prospects(asked, vendor) != Prospects()]


def _prospects(asked: Asked, vendor: IdentityVendor) -> Prospects:
    meant = {meaning for _, meaning in vendor.meanings}
    could = {
        AttestedStatus.NOT_FOREIGN_PERSON: Meaning.NOT_FOREIGN_PERSON in meant,
        AttestedStatus.FOREIGN_PERSON: vendor.nationality is not None,
    }
    voucher = Voucher(
        EvidenceKind.IDENTITY_VENDOR,
        vendor_name(vendor.id),
        vendor.assurance,
        statuses=tuple(status for status, is_said in could.items() if is_said),
        says_foreign=Meaning.IDENTITY not in meant,
    )
    return prospects(asked.request, asked.snapshot, asked.at, voucher)


def _said(asked: Asked, vendor: str) -> int:
    """How often the vendor has said something of the person; what it took back stays counted."""
    party = asked.caller.party
    known = () if party is None else asked.snapshot.standings.get(party, ())
    return sum(1 for one in known if one.issuer == vendor_name(vendor))


def _host(vendor: IdentityVendor) -> str:
    return urlsplit(vendor.start_url or "").hostname or vendor.id
