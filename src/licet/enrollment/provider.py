"""The way by which a person signs in at an identity provider that has verified who they are.

The provider's page is left for by a link and come back from by `/licet/enroll/return`; the
`state` of the way back lies in the session of whoever left, and nobody else's counts.
"""

import hmac
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import parse_qsl, urlsplit

from licet.decisions import Prospects, Showing, Voucher, prospects
from licet.enrollment.forms import Form
from licet.enrollment.registrar import Registrar
from licet.enrollment.sessions import Notes
from licet.enrollment.ways import Asked, Leading, WayError
from licet.errors import InputError, LicetError
from licet.parties import AttestedStatus, EvidenceIssuer, EvidenceKind, evidence_issuer_name
from licet.parties.evidence import Enrolled, Refusal, refused

_COMES_BACK_WITH = frozenset({"state", "code", "error", "iss"})


@dataclass(frozen=True, slots=True)
class ProviderWay:
    """Signing in at one of the identity providers whose word is believed.

    Attributes:
        registrar: Who begins sign-ins and keeps standings.
        return_url: Where providers send people back to this page; those that send them elsewhere
            are not offered. None where the gateway does not know its own address.
    """

    id: ClassVar[str] = "provider"

    registrar: Registrar
    return_url: str | None

    def is_configured(self, asked: Asked) -> bool:
        """Whether people sign in anywhere from here."""
        return any(True for _ in self._issuers(asked))

    def can_help(self, asked: Asked) -> bool:
        """Whether one of their words would turn the answer."""
        return bool(self._wanted(asked))

    def shown(self, asked: Asked, notes: Notes) -> Mapping[str, Any]:  # noqa: ARG002  # as of the port
        """The providers, and what each may be asked."""
        return {
            "providers": [
                {"id": issuer.id, "host": urlsplit(issuer.url).hostname or issuer.id, "wanted": wanted}
                for issuer, wanted in self._wanted(asked)
            ]
        }

    def is_waiting(self, notes: Notes) -> bool:  # noqa: ARG002  # as of the port
        """Never: whoever was away comes back with the answer."""
        return False

    async def arrive(self, asked: Asked, notes: Notes, query: str) -> Enrolled | None:
        """Take back who has signed in.

        Raises:
            WayError: it is not they, or the provider's word is not taken.
        """
        came = dict(parse_qsl(query, keep_blank_values=True))
        if not _COMES_BACK_WITH & came.keys():
            return None
        issuer, state = notes.get("issuer", ""), notes.get("state", "")
        if not state or not hmac.compare_digest(came.get("state", "").encode("utf-8", "replace"), state.encode()):
            # Whoever is led here by somebody else loses nothing of their own by it.
            raise WayError("begin", refused(Refusal.WRONG_NONCE, "expected the state of this visit's sign-in"), notes)
        try:
            return await self.registrar.finish_sign_in(asked.caller, issuer, query, state)
        except LicetError as err:
            raise WayError("begin", err, {}) from err

    async def take(self, asked: Asked, notes: Notes, form: Form) -> Leading:
        """Begin a sign-in.

        Raises:
            WayError: it cannot be begun.
        """
        offered = {issuer.id: wanted for issuer, wanted in self._wanted(asked)}
        issuer, asks = form.get("issuer", ""), form.get("step", "")
        if asks not in offered.get(issuer, ()):
            raise WayError("begin", InputError("expected a provider that is offered", code="not_offered"), notes)
        is_nationality = asks == Showing.NATIONALITY
        try:
            url, state = await self.registrar.begin_sign_in(asked.caller, issuer, nationalities=is_nationality)
        except LicetError as err:
            raise WayError("begin", err, notes) from err
        return Leading(url, {"issuer": issuer, "state": state})

    def _issuers(self, asked: Asked) -> Iterator[EvidenceIssuer]:
        for row in asked.snapshot.vouching.values():
            if not isinstance(row, EvidenceIssuer) or row.sign_in is None:
                continue
            if row.sign_in.redirect_url == self.return_url:
                yield row

    def _wanted(self, asked: Asked) -> list[tuple[EvidenceIssuer, tuple[Showing, ...]]]:
        """Those that can help, and by saying what."""
        found = [(issuer, _prospects(asked, issuer)) for issuer in self._issuers(asked)]
        return [(issuer, one.showings or one.corrections) for issuer, one in found if one != Prospects()]


def _prospects(asked: Asked, issuer: EvidenceIssuer) -> Prospects:
    """What its word would turn. That somebody is none is the status claim's to say, or nobody's."""
    statuses = (AttestedStatus.FOREIGN_PERSON,)
    voucher = Voucher(
        EvidenceKind.FOREIGN_VERIFIED_CLAIMS if issuer.is_foreign else EvidenceKind.VERIFIED_CLAIMS,
        evidence_issuer_name(issuer.id),
        issuer.assurance,
        statuses=statuses if issuer.status is None else (AttestedStatus.NOT_FOREIGN_PERSON, *statuses),
        says_foreign=issuer.status is not None and issuer.status.foreign is not None,
    )
    return prospects(asked.request, asked.snapshot, asked.at, voucher)
