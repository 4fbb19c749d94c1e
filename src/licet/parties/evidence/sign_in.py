"""Send a person to sign in, and read what they come back with: the authorization code flow with PKCE.

What is asked for is the status, and nationalities only where somebody says that a rule
needs them. Nothing here is secret but the attempt: its `state` binds the way back to the
key that began it, its `nonce` the ID token, its `verifier` the code.

Source: OpenID Connect Core 1.0, sections 3.1.2.1 and 5.5 (`claims`); OpenID Connect for
Identity Assurance 1.0, section 5 (requesting `verified_claims`); RFC 7636; RFC 9207.
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from licet.errors import InputError
from licet.parties.evidence.refusals import Refusal, refused, require
from licet.parties.evidence.token import read_object
from licet.parties.evidence_issuer import EvidenceIssuer, SignIn

_LONGEST_QUERY = 8_192
_LONGEST_TOKEN = 16_384
_A_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Attempt:
    """The secrets of one sign-in, from when a person is sent until they are back."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)

    @classmethod
    def of(cls, pepper: bytes, state: str, key: str) -> "Attempt":
        """The attempt of a state and of the key that began it: nothing but the state need be remembered."""

        def derived(what: str) -> str:
            mark = hmac.digest(pepper, f"licet sign-in {what}\x00{key}\x00{state}".encode(), "sha256")
            return base64.urlsafe_b64encode(mark).rstrip(b"=").decode()

        return cls(state, derived("nonce"), derived("verifier"))


def code_challenge(verifier: str) -> str:
    """What the authorization request tells of the verifier. Source: RFC 7636, section 4.2, `S256`."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()


def claims_request(issuer: EvidenceIssuer, *, nationalities: bool) -> dict[str, Any]:
    """The `claims` parameter: `verified_claims` from userinfo, of each framework that is accepted.

    Raises:
        InputError: there is nothing to ask for.
    """
    wanted: dict[str, Any] = {} if issuer.status is None else {issuer.status.name: None}
    if nationalities:
        wanted["nationalities"] = None
    if not wanted:
        raise InputError("expected a status claim or nationalities to ask for", code="nothing_to_ask")
    time = None if issuer.max_age_days is None else {"max_age": issuer.max_age_days * _A_DAY_S}
    elements = []
    for framework in dict.fromkeys(one.framework for one in issuer.accepts):
        levels = [one.level for one in issuer.accepts if one.framework == framework and one.level is not None]
        verification: dict[str, Any] = {"trust_framework": {"value": framework}, "time": time}
        if levels:
            verification["assurance_level"] = {"values": levels}
        elements.append({"verification": verification, "claims": wanted})
    return {"userinfo": {"verified_claims": elements[0] if len(elements) == 1 else elements}}


def authorization_url(issuer: EvidenceIssuer, attempt: Attempt, *, nationalities: bool = False) -> str:
    """Where to send the person.

    Raises:
        InputError: nobody signs in there from here, or there is nothing to ask for.
    """
    sign_in = require_sign_in(issuer)
    asked = {
        "response_type": "code",
        "client_id": sign_in.client,
        "redirect_uri": sign_in.redirect_url,
        "scope": " ".join(sign_in.scopes),
        "state": attempt.state,
        "nonce": attempt.nonce,
        "code_challenge": code_challenge(attempt.verifier),
        "code_challenge_method": "S256",
        "claims": json.dumps(claims_request(issuer, nationalities=nationalities), separators=(",", ":")),
    }
    return f"{sign_in.authorization_url}?{urlencode(asked)}"


def require_sign_in(issuer: EvidenceIssuer) -> SignIn:
    """How people sign in at an issuer.

    Raises:
        InputError: they do not, from here.
    """
    if issuer.sign_in is None:
        raise InputError("expected an issuer at which people sign in from here", code="no_sign_in")
    return issuer.sign_in


def read_return(query: str, issuer: EvidenceIssuer, state: str) -> str:
    """The code with which a person came back.

    Args:
        query: Of the URL at which they came back, without its question mark.
        issuer: To whom they were sent.
        state: With which they were sent.

    Raises:
        EvidenceError: malformed, wrong_nonce, unknown_issuer or issuer_silent.
        InputError: nobody signs in there from here.
    """
    sign_in = require_sign_in(issuer)
    require(len(query) <= _LONGEST_QUERY, Refusal.TOO_LARGE, f"expected at most `{_LONGEST_QUERY}` characters")
    pairs = parse_qsl(query, keep_blank_values=True)
    members = dict(pairs)
    require(len(members) == len(pairs), Refusal.MALFORMED, "expected each parameter once")
    is_same = hmac.compare_digest(members.get("state", "").encode("utf-8", "replace"), state.encode())
    require(is_same, Refusal.WRONG_NONCE, "expected the state of this sign-in")
    # Mix-up: another issuer's answer would have us bring its code, or ours, to the wrong one (RFC 9207).
    named = members.get("iss", None if sign_in.sends_issuer else issuer.url)
    require(named == issuer.url, Refusal.UNKNOWN_ISSUER, "expected the issuer to which the person was sent")
    require("error" not in members, Refusal.ISSUER_SILENT, "the issuer has not signed anybody in")
    code = members.get("code", "")
    require(code and code.isascii() and code.isprintable(), Refusal.MALFORMED, "expected a `code`")
    return code


def token_form(issuer: EvidenceIssuer, attempt: Attempt, code: str, secret: str | None) -> dict[str, str]:
    """What is posted to exchange a code; a client without a secret has the verifier alone.

    Raises:
        InputError: nobody signs in there from here.
    """
    sign_in = require_sign_in(issuer)
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": sign_in.redirect_url,
        "client_id": sign_in.client,
        "code_verifier": attempt.verifier,
    }
    return form if secret is None else {**form, "client_secret": secret}


def read_token_answer(body: bytes) -> tuple[bytes, bytes]:
    """The ID token and the access token that a code was exchanged for.

    Raises:
        EvidenceError: malformed.
    """
    members: Mapping[str, Any] = read_object(body)
    kind = members.get("token_type")
    require(isinstance(kind, str) and kind.lower() == "bearer", Refusal.MALFORMED, "expected a token of type `Bearer`")
    found = []
    for name in ("id_token", "access_token"):
        value = members.get(name)
        if not isinstance(value, str) or not value.isascii() or not value.isprintable() or " " in value:
            raise refused(Refusal.MALFORMED, f"expected `{name}`")
        require(0 < len(value) <= _LONGEST_TOKEN, Refusal.TOO_LARGE, f"expected a shorter `{name}`")
        found.append(value.encode())
    return found[0], found[1]
