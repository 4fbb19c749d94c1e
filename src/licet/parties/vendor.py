"""Identity-verification vendors: what each of their events means, as an officer has entered it.

A vendor looks at somebody's documents and tells us, by a signed callback, what came of
it. Of the event only what the mapping names is read, by JSON pointers (RFC 6901).
"""

from dataclasses import dataclass
from enum import StrEnum

from licet.errors import InputError
from licet.parties.issuer import TOKEN_ALGORITHMS, require_fetchable
from licet.parties.standing import Assurance
from licet.terms import OrganizationId

REFERENCE_PLACE = "{reference}"
"""Where in a vendor's start URL the reference goes."""

_LONGEST = 300
_HEADER = "abcdefghijklmnopqrstuvwxyz0123456789-"
_SKEW_S = range(30, 901)


class Scheme(StrEnum):
    """How a vendor signs.

    `TIMED_HMAC`: the header has `t=SECONDS,v1=HEX`, once or more, each the HMAC-SHA256 of
    the seconds, a dot and the body. `HMAC`: the header is the HMAC-SHA256 of the body, in
    hexadecimal. `JWS`: the body is a signed token whose claims are the event.
    """

    TIMED_HMAC = "timed-hmac"
    HMAC = "hmac"
    JWS = "jws"


class Meaning(StrEnum):
    """What an event of a status means for the person.

    `IDENTITY`: who they are was verified, and of what nationality, and nothing of status.
    `WITHDRAWN`: what the vendor has said before holds no longer.
    """

    NOT_FOREIGN_PERSON = "not_foreign_person"
    FOREIGN_PERSON = "foreign_person"
    IDENTITY = "identity"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentityVendor:
    """A vendor as it is enrolled.

    Attributes:
        id: What it is called here; its secrets are in the configuration under that name.
        scheme: How it signs.
        header: Which header holds the signature, in lower case; none for `JWS`.
        event, at, reference, status: Where in an event its number, its time, the
            reference that we gave and its status are.
        meanings: What each status means; one that is not here means nothing.
        conditions: What must stand where in an event, else it means nothing: above all by
            which template the person was verified, which they could have chosen themselves.
        nationality: Where the nationality is; None where it is not read.
        assurance: How sure its word is taken to be.
        max_age_days: For how long an event counts.
        skew_s: How far a signature's time may be from ours.
        start_url: Where a person begins, with `{reference}` in it.
        jwks_url: Where its keys are, and with which algorithms it signs, for `JWS`.
        suspended: Whether nothing of it is believed for now, nor what it has said before.
    """

    id: str
    scheme: Scheme
    header: str
    event: str
    at: str
    reference: str
    status: str
    meanings: tuple[tuple[str, Meaning], ...]
    conditions: tuple[tuple[str, str], ...]
    nationality: str | None
    assurance: Assurance
    max_age_days: int
    skew_s: int = 300
    start_url: str | None = None
    jwks_url: str = ""
    algorithms: tuple[str, ...] = ()
    suspended: bool = False


def vendor_name(vendor: str) -> OrganizationId:
    """The issuer of its standings: no organization has such an id."""
    return OrganizationId(f"vendor:{vendor}")


def persona(  # what an officer decides of it, each by name
    vendor: str,
    template: str,
    *,
    assurance: Assurance,
    max_age_days: int,
    approved: Meaning = Meaning.IDENTITY,
    nationality: str | None = None,
    start_url: str | None = None,
) -> IdentityVendor:
    """The mapping for Persona's webhooks: what an inquiry of one template that was approved means.

    Source: https://docs.withpersona.com/docs/webhooks-best-practices (signatures, order)
    and https://docs.withpersona.com/docs/webhooks (the event).
    """
    inquiry = "/data/attributes/payload/data"
    made_from = "inquiry-template" if template.startswith("itmpl_") else "template"
    return IdentityVendor(
        id=vendor,
        scheme=Scheme.TIMED_HMAC,
        header="persona-signature",
        event="/data/id",
        at="/data/attributes/created-at",
        reference=f"{inquiry}/attributes/reference-id",
        status="/data/attributes/name",
        meanings=(
            ("inquiry.approved", approved),
            ("inquiry.declined", Meaning.WITHDRAWN),
            ("inquiry.failed", Meaning.WITHDRAWN),
            ("inquiry.marked-for-review", Meaning.WITHDRAWN),
        ),
        conditions=((f"{inquiry}/relationships/{made_from}/data/id", template),),
        nationality=nationality,
        assurance=assurance,
        max_age_days=max_age_days,
        start_url=start_url,
    )


def require_vendor(vendor: IdentityVendor) -> None:
    """Refuse an enrollment by which more would be believed than somebody meant, or nothing could be.

    Raises:
        InputError: with a code that says what is missing or contradictory.
    """
    pointers = [vendor.event, vendor.at, vendor.reference, vendor.status, *(place for place, _ in vendor.conditions)]
    pointers += [] if vendor.nationality is None else [vendor.nationality]
    if not all(place.startswith("/") and len(place) <= _LONGEST for place in pointers):
        raise InputError("expected JSON pointers, such as `/data/id`", code="bad_pointer")
    if not vendor.meanings or len({status for status, _ in vendor.meanings}) != len(vendor.meanings):
        raise InputError("expected what each status means, each status once", code="bad_meanings")
    meant = {meaning for _, meaning in vendor.meanings}
    if Meaning.WITHDRAWN not in meant:
        raise InputError("expected a status by which the vendor takes back what it said", code="no_withdrawal")
    if Meaning.IDENTITY in meant and vendor.nationality is None:
        raise InputError("expected where the nationality is: identity alone shows nothing here", code="bad_meanings")
    if not vendor.conditions:
        raise InputError("expected a condition, such as the template of the verification", code="no_condition")
    if vendor.skew_s not in _SKEW_S or vendor.max_age_days < 1:
        raise InputError("expected a skew of 30 to 900 seconds, and at least one day", code="bad_limit")
    if vendor.start_url is not None and (
        vendor.start_url.count(REFERENCE_PLACE) != 1 or not vendor.start_url.startswith("https://")
    ):
        raise InputError(f"expected an https URL with `{REFERENCE_PLACE}` in it once", code="bad_url")
    _require_signed(vendor)


def _require_signed(vendor: IdentityVendor) -> None:
    if vendor.scheme is Scheme.JWS:
        require_fetchable(vendor.jwks_url)
        if not vendor.algorithms or set(vendor.algorithms) - set(TOKEN_ALGORITHMS) or vendor.header:
            raise InputError(f"expected algorithms of {', '.join(TOKEN_ALGORITHMS)}, and no header", code="bad_scheme")
    elif not vendor.header or set(vendor.header) - set(_HEADER) or vendor.jwks_url or vendor.algorithms:
        raise InputError("expected a header in lower case, and neither keys nor algorithms", code="bad_scheme")
