"""Who calls: the owner of a key, or whom an access token says, and how firmly, and from where.

    1  the one key or token that the request carries
    2  a key of this gateway, or an access token of an issuer that is believed
    3  what the token is bound to: a proof of possession, or a client certificate
    4  of an organization's key that serves people, which person
    5  the country of the caller's address, where a database says it

Whatever is presented and does not hold refuses the request; nothing that is wrong is
treated as if it had not been there.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from licet import dialects
from licet.decisions import Caller
from licet.errors import CallerError, EvidenceError, InputError
from licet.fetching import KeySets
from licet.fleet import Replica
from licet.gateway import challenges
from licet.gateway.asgi import Scope
from licet.gateway.network import OF_CERTIFICATES, Address, Network
from licet.gateway.nonces import Nonces
from licet.gateway.once import Uses
from licet.parties import Serves, TokenIssuer
from licet.parties.evidence import (
    AccessToken,
    PublicKey,
    certificate_thumbprint,
    read_access_token,
    verify_access_token,
    verify_end_user,
    verify_proof,
)

MOST_TOKENS = 20_000
"""How many verified tokens are remembered; with one more all are forgotten, and verified again."""
END_USER_USES = 100
"""How many requests one end-user token is good for."""

_END_USER, _PROOF = b"licet-end-user", b"dpop"
_KEY_PREFIX = "lk_"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What callers are told apart by, beside the rows.

    Attributes:
        audience: This gateway's name, to which organizations address what they sign.
        network: What is between callers and the gateway.
        keys: The issuers' keys; None where no token is believed.
        country: The country of an address; None where no place is known.
        uses: What was used before: proofs, and tokens of end users.
        nonces: What proofs of possession must hold; None where no nonce is asked for.
    """

    audience: str = ""
    network: Network = field(default_factory=Network)
    keys: KeySets | None = None
    country: Callable[[Address], str | None] | None = None
    uses: Uses = field(default_factory=Uses)
    nonces: Nonces | None = None


_Value = TypeVar("_Value")


class _Verified(NamedTuple):
    issuer: TokenIssuer
    key_id: str
    key: PublicKey
    token: AccessToken


class Callers:
    """Tells whose a request is."""

    def __init__(self, replica: Replica, surroundings: Surroundings | None = None) -> None:
        self._replica = replica
        self._around = surroundings or Surroundings()
        self._tokens: dict[bytes, _Verified] = {}

    @property
    def uses(self) -> Uses:
        """What was used before, which whoever else counts uses shares."""
        return self._around.uses

    async def identify(self, scope: Scope) -> Caller:
        """Whose a request is.

        Raises:
            CallerError: nobody's; its challenge says what would tell.
            InputError: it says so in two ways, or in one that has no meaning.
            UnavailableError: what tells cannot be had now.
        """
        names = {name for name, _ in scope["headers"]}
        certificate = None if names.isdisjoint(OF_CERTIFICATES) else self._around.network.certificate(scope)
        found = dialects.find_credential(scope["headers"], scope["query_string"])
        if found is None:
            raise CallerError("No API key was sent.")
        if found.text.startswith(_KEY_PREFIX) or "." not in found.text:
            caller = None if found.proved else self._replica.authenticate(found.text)
        else:
            caller = await self._of_token(found, certificate, scope)
        if caller is None:
            raise CallerError("The API key is not valid.")
        if _END_USER in names:
            caller = self._of_organization(caller, [value for name, value in scope["headers"] if name == _END_USER])
        if self._around.country is None:
            return caller
        address = self._around.network.client(scope)
        return replace(caller, place=None if address is None else self._around.country(address))

    # Access tokens.

    async def _of_token(self, found: dialects.Credential, certificate: bytes | None, scope: Scope) -> Caller:
        now = self._replica.clock.now()
        text = found.text.encode("latin-1")
        try:
            verified = await self._verify(text, now)
            linked = self._replica.linked(verified.issuer, verified.token.subject)
            caller = _there(linked, "its subject is nobody here")
            if verified.token.certificate is not None:
                presented = _there(certificate, "expected the client certificate that it is bound to")
                is_same = certificate_thumbprint(presented) == verified.token.certificate
                _require(is_same, "expected the client certificate that it is bound to")
        except EvidenceError as err:
            raise challenges.invalid_token(err, proved=found.proved) from err
        token = verified.token
        self._require_scheme(token, proved=found.proved)
        if found.proved:
            self._require_proof(token, text, scope, now)
        bound = "mtls" if token.certificate is not None else "dpop" if found.proved else "bearer"
        return replace(caller, binding=bound)

    async def _verify(self, text: bytes, now: datetime) -> _Verified:
        """Verify a token, or find that it was and that nothing it rests on has changed."""
        digest, keys = hashlib.sha256(text).digest(), self._around.keys
        known = self._tokens.get(digest)
        if known is not None and keys is not None and self._still_holds(known, keys, now):
            return known
        unverified = read_access_token(text)
        issuer = self._replica.issuer(unverified.issuer)
        if issuer is None or keys is None:
            raise EvidenceError("expected an issuer that is trusted here")
        key = await keys.find(issuer, unverified.key_id)
        if key is None:
            raise EvidenceError("expected a key that its issuer has published")
        verified = _Verified(issuer, unverified.key_id, key, verify_access_token(unverified, issuer, key, now))
        if len(self._tokens) >= MOST_TOKENS:
            self._tokens.clear()
        self._tokens[digest] = verified
        return verified

    def _still_holds(self, known: _Verified, keys: KeySets, now: datetime) -> bool:
        return (
            known.token.not_before <= now < known.token.expires_at
            and self._replica.issuer(known.issuer.url) == known.issuer
            and keys.holds(known.issuer, known.key_id, known.key)
        )

    def _require_scheme(self, token: AccessToken, *, proved: bool) -> None:
        """A token that is bound to a key is no bearer's, and the other way about (RFC 9449, section 7.1)."""
        if proved != (token.proof_key is not None):
            scheme = "DPoP" if token.proof_key is not None else "Bearer"
            raise challenges.invalid_token(EvidenceError(f"expected it under the scheme `{scheme}`"), proved=True)

    def _require_proof(self, token: AccessToken, text: bytes, scope: Scope, now: datetime) -> None:
        proofs = [value for name, value in scope["headers"] if name == _PROOF]
        try:
            unknown = "this gateway was not told its own address, so no proof can be checked"
            base = _there(self._around.network.public_url, unknown)
            _require(len(proofs) == 1, "expected one proof in the header `DPoP`")
            method = scope.get("method", "GET")  # which the opening of a socket is
            url = base.rstrip("/") + scope["raw_path"].decode("latin-1")
            proof = verify_proof(proofs[0], method=method, url=url, access_token=text, now=now)
            _require(proof.thumbprint == token.proof_key, "expected a proof by the key that the token is bound to")
            self._require_nonce(proof.nonce, now)
            is_new = self._around.uses.take(("proof", proof.thumbprint, proof.number), proof.until, now)
            _require(is_new, "expected a proof that was not used before")
        except EvidenceError as err:
            raise challenges.invalid_proof(err) from err

    def _require_nonce(self, nonce: str | None, now: datetime) -> None:
        nonces = self._around.nonces
        if nonces is not None and not nonces.takes(nonce, now):
            raise challenges.wanted_nonce(nonces.current(now))

    # People of an organization.

    def _of_organization(self, caller: Caller, users: list[bytes]) -> Caller:
        if caller.serves is not Serves.PEOPLE or caller.organization is None:
            raise InputError("expected `Licet-End-User` only with a key that serves people", code="unexpected_end_user")
        if len(users) != 1:
            raise InputError("expected one `Licet-End-User`", code="ambiguous_credentials")
        snapshot, now = self._replica.look()
        try:
            organization = _there(snapshot.organizations.get(caller.organization), "expected an enrolled organization")
            user = verify_end_user(users[0], organization, self._around.audience, now)
            party = snapshot.parties.get(user.subject)
            is_theirs = party is not None and party.organization == organization.id
            _require(is_theirs, "expected a subject who is enrolled as one of the organization's people")
            token = ("end-user", organization.id, user.number)
            is_left = self._around.uses.take(token, user.expires_at, now, allowed=END_USER_USES)
            _require(is_left, f"expected a token that was used at most {END_USER_USES} times")
        except EvidenceError as err:
            raise CallerError(f"The end-user token is not valid: {err}.", code="invalid_end_user") from err
        return Caller(caller.key, user.subject, binding=caller.binding)


def _there(value: _Value | None, otherwise: str) -> _Value:
    if value is None:
        raise EvidenceError(otherwise)
    return value


def _require(condition: object, otherwise: str) -> None:
    if not condition:
        raise EvidenceError(otherwise)
