"""Whose word about a person is believed: identity providers that say `verified_claims`, as they are enrolled.

Another row than an issuer of access tokens: to believe who calls is not to believe what
somebody is, and either trust may end without the other.
"""

from dataclasses import dataclass
from typing import TypeAlias

from licet.errors import InputError
from licet.parties.issuer import TOKEN_ALGORITHMS, require_fetchable
from licet.parties.standing import Assurance
from licet.terms import OrganizationId, is_country

ClaimValue: TypeAlias = str | bool
"""What a status claim may be: a text, or true or false."""

_US = "US"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A trust framework, and the assurance level within it; None is an element that names no level."""

    framework: str
    level: str | None = None


@dataclass(frozen=True, slots=True)
class StatusClaim:
    """The claim by which an issuer says whether somebody is a foreign person.

    Attributes:
        name: Of the claim, within `verified_claims.claims`.
        not_foreign: Its value for whoever is none.
        foreign: Its value for whoever is one; None where the issuer never says so.
    """

    name: str
    not_foreign: ClaimValue
    foreign: ClaimValue | None = None


@dataclass(frozen=True, slots=True)
class SignIn:
    """How a person is sent to the issuer to sign in, by the authorization code flow.

    Attributes:
        client: As which this gateway is registered there.
        redirect_url: Where the issuer sends them back, character by character.
        sends_issuer: Whether the issuer names itself when it does so (RFC 9207).
        scopes: What is asked for beside the claims.
    """

    authorization_url: str
    token_url: str
    client: str
    redirect_url: str
    sends_issuer: bool = True
    scopes: tuple[str, ...] = ("openid",)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceIssuer:
    """An identity provider whose `verified_claims` are believed.

    Attributes:
        id: What it is called here.
        url: Its `iss`, compared character by character.
        jwks_url: Where its keys are, and nowhere else.
        audience: What `aud` of an access token must name.
        clients: The applications whose access tokens count; a token that another one
            was given for somebody could be presented by whoever runs it.
        algorithms: With which it signs, of `TOKEN_ALGORITHMS`.
        accepts: Under which frameworks and levels it must have verified.
        country: Whose word it is: the ISO country under whose law it vouches.
        assurance: How sure its word is taken to be.
        max_age_days: How long ago it may have verified; None also takes what does not
            say when, as of the token's own time.
        status: The claim that says whether somebody is a foreign person, if there is one.
        userinfo_url: Where claims are asked for that are not in the token; None asks nowhere.
        sign_in: How people are sent there; None where they bring their own tokens.
        suspended: Whether nothing of it is believed for now, nor what it has said before.
    """

    id: str
    url: str
    jwks_url: str
    audience: str
    clients: tuple[str, ...]
    algorithms: tuple[str, ...]
    accepts: tuple[Accepted, ...]
    country: str
    assurance: Assurance
    max_age_days: int | None
    status: StatusClaim | None = None
    userinfo_url: str | None = None
    sign_in: SignIn | None = None
    suspended: bool = False

    @property
    def is_foreign(self) -> bool:
        """Whether its word is another state's than the United States'."""
        return self.country != _US


def evidence_issuer_name(issuer: str) -> OrganizationId:
    """The issuer of its standings: no organization has such an id."""
    return OrganizationId(f"oidc:{issuer}")


def require_evidence_issuer(issuer: EvidenceIssuer) -> None:
    """Refuse an enrollment by which more would be believed than somebody meant.

    Raises:
        InputError: with a code that says what is missing or contradictory.
    """
    urls = [issuer.url, issuer.jwks_url, *filter(None, [issuer.userinfo_url])]
    if issuer.sign_in is not None:
        _require_sign_in(issuer, issuer.sign_in)
        urls += [issuer.sign_in.authorization_url, issuer.sign_in.token_url, issuer.sign_in.redirect_url]
    for url in urls:
        require_fetchable(url)
    unknown = set(issuer.algorithms) - set(TOKEN_ALGORITHMS)
    if unknown or not issuer.algorithms or len(set(issuer.algorithms)) != len(issuer.algorithms):
        raise InputError(f"expected algorithms of {', '.join(TOKEN_ALGORITHMS)}, each once", code="unknown_algorithm")
    if not issuer.accepts or not issuer.clients:
        raise InputError(
            "expected at least one trust framework and one client whose tokens count", code="nothing_accepted"
        )
    if not is_country(issuer.country):
        raise InputError("expected the ISO country under whose law it vouches, such as `US`", code="unknown_country")
    if issuer.status is not None and issuer.status.not_foreign == issuer.status.foreign:
        raise InputError("expected two values of the status claim that differ", code="contradictory_claim")


def _require_sign_in(issuer: EvidenceIssuer, sign_in: SignIn) -> None:
    if sign_in.client not in issuer.clients or "openid" not in sign_in.scopes:
        raise InputError("expected the sign-in's client among the clients, and the scope `openid`", code="bad_sign_in")
