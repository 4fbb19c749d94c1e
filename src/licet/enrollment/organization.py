"""The way by which a person's own organization signs what it knows of them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from shlex import quote
from typing import Any, ClassVar

from licet.decisions import Prospects, Showing
from licet.enrollment.forms import Form
from licet.enrollment.registrar import Registrar
from licet.enrollment.sessions import Notes
from licet.enrollment.verdict import attested, own_organization, relation_of
from licet.enrollment.ways import Asked, Remembered, Taken, WayError
from licet.errors import InputError, LicetError
from licet.parties import EvidenceKind, Organization
from licet.parties.evidence import Evidence, unverified_nonce
from licet.terms import format_instant, parse_instant

_STATUSES = {
    Showing.NOT_FOREIGN: "--status not_foreign_person",
    Showing.RELATION: "--status foreign_person",
    Showing.NATIONALITY: "--status foreign_person --nationality XX",
}


@dataclass(frozen=True, slots=True)
class OrganizationWay:
    """A signed attestation, pasted or handed over as a file.

    Attributes:
        registrar: Who keeps nonces and standings.
        audience: This gateway's name, to which the attestation must be addressed.
        now: The present instant.
    """

    id: ClassVar[str] = "organization"

    registrar: Registrar
    audience: str
    now: Callable[[], datetime]

    def is_configured(self, asked: Asked) -> bool:
        """Whether the caller is of an organization that can sign."""
        return _organization(asked) is not None

    def can_help(self, asked: Asked) -> bool:
        """Whether its word would turn the answer."""
        found = _would_help(asked)
        return bool(found.showings or found.corrections)

    def shown(self, asked: Asked, notes: Notes) -> Mapping[str, Any]:
        """The nonce if there is a good one, and the commands that sign."""
        organization, found = _organization(asked), _would_help(asked)
        nonce, ends = notes.get("nonce"), notes.get("ends")
        if organization is None:
            raise InputError("expected a key of an organization's own person")
        if nonce is None or ends is None or parse_instant(ends) <= self.now():
            nonce = ends = None
        subject = asked.caller.party or ""
        wanted = found.showings or found.corrections
        delivery = "--lifetime 86400" if nonce is None else f"--nonce={quote(nonce)}"
        told = ("--key KEY.private.jwk", f"--issuer {quote(organization.id)}", f"--subject {quote(subject)}")
        sent = (f"--relation {relation_of(organization)}", f"--audience {quote(self.audience)}", delivery)
        commands = [" \\\n  ".join(("licet attest sign", *told, _STATUSES[one], *sent)) for one in wanted]
        return {
            "organization": organization,
            "subject": subject,
            "audience": self.audience,
            "nonce": nonce,
            "ends": None if ends is None else parse_instant(ends),
            "commands": commands,
            "asks_nationality": Showing.NATIONALITY in wanted,
            "is_correction": not found.showings,
        }

    def is_waiting(self, notes: Notes) -> bool:  # noqa: ARG002  # as of the port
        """Never: what was signed is handed in here."""
        return False

    async def arrive(self, asked: Asked, notes: Notes, query: str) -> None:
        """Nothing comes from elsewhere."""

    async def take(self, asked: Asked, notes: Notes, form: Form) -> Taken:
        """Give out a nonce, or enroll with what was signed.

        Raises:
            WayError: it is not taken.
        """
        if form.get("step") == "nonce":
            return await self._issue(asked, notes)
        field, text = _attestation(form, notes)
        payload = text.encode()
        try:
            nonce = unverified_nonce(Evidence(EvidenceKind.ORGANIZATION_ATTESTATION, payload, self.now()))
        except LicetError as err:
            raise WayError(field, err, notes) from err
        # A nonce is used up by whatever holds it, also by what is not believed.
        left = notes if nonce is None else {}
        try:
            return await self.registrar.enroll(asked.caller, EvidenceKind.ORGANIZATION_ATTESTATION, payload)
        except LicetError as err:
            raise WayError(field, err, left) from err

    async def _issue(self, asked: Asked, notes: Notes) -> Remembered:
        try:
            nonce = await self.registrar.issue_nonce(asked.caller)
        except LicetError as err:
            raise WayError("nonce", err, notes) from err
        return Remembered({"nonce": nonce.text, "ends": format_instant(nonce.expires_at)})


def _attestation(form: Form, notes: Notes) -> tuple[str, str]:
    """What was signed and the field it came in; a text is pasted with blanks and line ends around it."""
    given = {name: "".join(form.get(name, "").split()) for name in ("attestation", "file")}
    found = [(name, text) for name, text in given.items() if text]
    if len(found) == 1:
        return found[0]
    code = "two_attestations" if found else "no_attestation"
    raise WayError("attestation", InputError("expected one attestation", code=code), notes)


def _organization(asked: Asked) -> Organization | None:
    found = own_organization(asked)
    can_sign = found is not None and found.verified and not found.suspended and found.attestation_keys
    return found if can_sign else None


def _would_help(asked: Asked) -> Prospects:
    return attested(asked, _organization(asked))
