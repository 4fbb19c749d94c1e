"""Bodies of the control API, and how each becomes a value of the core."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from licet.decisions import Caller, Request, RequestedAct
from licet.directives import BINDINGS
from licet.errors import InputError
from licet.items import Kinship
from licet.items.item import require_model_name
from licet.licenses import License, holder_of_organization, holder_of_person
from licet.orders import LONGEST_DRAIN_S
from licet.parties import (
    MOST_AT_ONCE,
    TOKEN_ALGORITHMS,
    Organization,
    OrganizationKind,
    Party,
    Serves,
    TokenIssuer,
    require_fetchable,
)
from licet.parties.evidence import MAX_WORKFORCE_BYTES, require_attestation_key
from licet.stores import Role
from licet.terms import (
    ID_PATTERN,
    ItemId,
    KeyId,
    LicenseId,
    OrganizationId,
    PartyId,
    is_country,
    parse_instant,
    require_id,
)

_Id = Annotated[str, Field(pattern=f"^{ID_PATTERN}$")]


_MADE = frozenset({Kinship.QUANTIZED, Kinship.FINE_TUNE, Kinship.DISTILLED, Kinship.ADAPTER})


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Items(_Body):
    """Items to stop or to bring back."""

    items: list[str] = Field(default_factory=list)
    everything: bool = False


class Stopping(Items):
    """Items to stop, and for how many seconds answers may go on that are being given."""

    drain_s: int = Field(default=0, ge=0, le=LONGEST_DRAIN_S)


class NewItem(_Body):
    """A model for the catalogue."""

    id: str
    aliases: list[str] = Field(default_factory=list)
    upstream: str
    concealed: bool = False
    kinship: Kinship = Kinship.SAME
    base: str | None = None
    candidates: list[str] = Field(default_factory=list, max_length=50)

    def model_post_init(self, _context: Any, /) -> None:
        """Refuse names that no request could carry, and a kinship without what it is to."""
        for name in (self.id, *self.aliases, *self.candidates, *filter(None, [self.base])):
            require_model_name(name)
        is_router, is_made = self.kinship is Kinship.ROUTER, self.kinship in _MADE
        if is_router != bool(self.candidates) or is_made != (self.base is not None) or self.kinship is Kinship.UNKNOWN:
            raise InputError(
                "expected candidates for a router, a base for what is made from one, and neither for others",
                code="bad_kinship",
            )


class ManyItems(_Body):
    """Models that an upstream lists, for the catalogue."""

    ids: list[str] = Field(min_length=1, max_length=10_000)
    upstream: str

    def model_post_init(self, _context: Any, /) -> None:
        """Refuse names that no request could carry, and one that comes twice."""
        for name in self.ids:
            require_model_name(name)
        if len(set(self.ids)) != len(self.ids):
            raise InputError("expected each item once", code="item_twice")


class NewOrganization(_Body):
    """An organization, with the public keys by which it attests."""

    id: _Id
    name: str = Field(min_length=1, max_length=200)
    organized_under: str
    kind: OrganizationKind = OrganizationKind.COMPANY
    attestation_keys: dict[str, dict[str, str]] = Field(default_factory=dict)

    def to_organization(self) -> Organization:
        """The organization.

        Raises:
            InputError: the place is no country, or a key is no public key.
        """
        country, _, state = self.organized_under.partition("-")
        if self.organized_under != "INT" and (not is_country(country) or (state and country != "US")):
            raise InputError(
                f"expected an ISO country code, `US-` and a state, or `INT`, found `{self.organized_under}`",
                code="unknown_country",
            )
        for jwk in self.attestation_keys.values():
            require_attestation_key(jwk)
        return Organization(
            OrganizationId(self.id), self.name, self.organized_under, self.kind, attestation_keys=self.attestation_keys
        )


class ManyParties(_Body):
    """Persons under pseudonyms, each with the organization they belong to, if to any."""

    parties: list[tuple[_Id, _Id | None]] = Field(min_length=1, max_length=MOST_AT_ONCE)

    def to_parties(self) -> list[Party]:
        """The parties.

        Raises:
            InputError: one comes twice.
        """
        if len({name for name, _ in self.parties}) != len(self.parties):
            raise InputError("expected each person once", code="party_twice")
        return [Party(PartyId(x), None if y is None else OrganizationId(y)) for x, y in self.parties]


class HandedIn(_Body):
    """A file in which an organization attests its workforce: a compact JWS."""

    file: str = Field(min_length=1, max_length=MAX_WORKFORCE_BYTES)


class TakenWorkforce(_Body):
    """Whether people whom the file names and nobody knows yet are enrolled with it."""

    enroll: bool = False


class NewParty(_Body):
    """A person under a pseudonym."""

    id: _Id
    organization: _Id | None = None

    def to_party(self) -> Party:
        """The party."""
        return Party(PartyId(self.id), None if self.organization is None else OrganizationId(self.organization))


class NewIssuer(_Body):
    """An issuer of access tokens."""

    id: _Id
    url: str = Field(min_length=1, max_length=500)
    jwks_url: str = Field(min_length=1, max_length=500)
    audience: str = Field(min_length=1, max_length=500)
    algorithms: list[str] = Field(min_length=1)

    def to_issuer(self) -> TokenIssuer:
        """The issuer.

        Raises:
            InputError: an address is not `https`, or an algorithm is none of those allowed.
        """
        for url in (self.url, self.jwks_url):
            require_fetchable(url)
        unknown = set(self.algorithms) - set(TOKEN_ALGORITHMS)
        if unknown or len(set(self.algorithms)) != len(self.algorithms):
            raise InputError(
                f"expected algorithms of {', '.join(TOKEN_ALGORITHMS)}, each once, found `{self.algorithms}`",
                code="unknown_algorithm",
            )
        return TokenIssuer(self.id, self.url, self.jwks_url, self.audience, tuple(self.algorithms))


class NewLink(_Body):
    """A subject of an issuer's tokens."""

    issuer: _Id
    subject: str = Field(min_length=1, max_length=1024)


class NewKey(_Body):
    """Whom a key is for."""

    party: _Id | None = None
    organization: _Id | None = None
    serves: Serves | None = None

    def party_id(self) -> PartyId | None:
        """The party, if it is for one."""
        return None if self.party is None else PartyId(self.party)

    def organization_id(self) -> OrganizationId | None:
        """The organization, if it is for one."""
        return None if self.organization is None else OrganizationId(self.organization)


class NewLicense(_Body):
    """A license, as an agency granted it."""

    id: _Id
    items: list[str] = Field(min_length=1)
    organizations: list[_Id] = Field(default_factory=list)
    parties: list[_Id] = Field(default_factory=list)
    employees: bool = False
    valid_from: str
    valid_until: str

    def to_license(self) -> License:
        """The license.

        Raises:
            InputError: it names nobody, or an instant cannot be read.
        """
        holders = [holder_of_organization(OrganizationId(require_id(x, "an organization"))) for x in self.organizations]
        holders += [holder_of_person(PartyId(require_id(x, "a party"))) for x in self.parties]
        if not holders:
            raise InputError("expected the license to name an organization or a party", code="license_names_nobody")
        return License(
            LicenseId(self.id),
            frozenset(map(ItemId, self.items)),
            frozenset(holders),
            parse_instant(self.valid_from),
            parse_instant(self.valid_until),
            self.employees,
        )


class Waivable(_Body):
    """A change of the policy, and why it is to take effect although its proof fails."""

    despite_proof: str | None = Field(default=None, max_length=1000)


class DirectiveFile(Waivable):
    """A directive file's text, and what to call it in messages."""

    text: str
    name: str = "directive.yaml"


class LawFile(Waivable):
    """A document of dated data, as JSON text."""

    text: str = Field(max_length=1_000_000)


class Instant(Waivable):
    """An instant, or now."""

    at: str | None = None


class NewSetting(Waivable):
    """A parameter's new value, and why."""

    value: str
    reason: str = Field(max_length=1000)


class NewAdministrator(_Body):
    """Somebody who may act, by the digest of the token that they made."""

    name: _Id
    roles: list[Role] = Field(min_length=1, max_length=3)
    token_sha256: str


class Roles(_Body):
    """What somebody may do."""

    roles: list[Role] = Field(min_length=1, max_length=3)


class NewToken(_Body):
    """The digest of a token that its owner made."""

    token_sha256: str


class Approving(_Body):
    """A second person's word; with the digest, for what they have read and nothing else."""

    digest: str | None = None


class Question(_Body):
    """A request to explain: a model, and who would ask for it."""

    model: str = Field(min_length=1, max_length=256)
    act: RequestedAct = RequestedAct.INFERENCE
    party: _Id | None = None
    organization: _Id | None = None
    serves: Serves | None = None
    binding: str = BINDINGS[0]
    place: str | None = None

    def to_request(self) -> Request:
        """The request, as if a key of that owner had made it, so bound and from that place.

        Raises:
            InputError: not exactly one owner is named, or the binding or the country is none.
        """
        if self.binding not in BINDINGS:
            raise InputError(f"expected `binding` to be one of {', '.join(BINDINGS)}", code="bad_binding")
        if self.place is not None and not is_country(self.place):
            raise InputError("expected `place` to be an ISO country code such as `FR`", code="bad_country")
        one = (self.party is None) != (self.organization is None)
        if not one or (self.organization is None) != (self.serves is None):
            raise InputError(
                "expected either a party, or an organization and what its key serves", code="bad_key_owner"
            )
        party = None if self.party is None else PartyId(self.party)
        organization = None if self.organization is None else OrganizationId(self.organization)
        owner = Caller(KeyId("explain"), party, organization, self.serves, self.binding, place=self.place)
        return Request(self.model, self.act, owner)
