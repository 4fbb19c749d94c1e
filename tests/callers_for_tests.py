"""Issuers of access tokens, keys of callers' own, and a gateway that fetches keys from where a test has them."""

import base64
import functools
import hashlib
import json
import os
import secrets
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey
from yarl import URL

from licet.parties import PartyLink, TokenIssuer, link_id

ISSUER = "https://issuer.test/"
AUDIENCE = "https://gate.example"
NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
PEPPER = b"p" * 32
KINDS = {
    "EdDSA": lambda: OKPKey.generate_key("Ed25519"),
    "Ed25519": lambda: OKPKey.generate_key("Ed25519"),
    "ES256": lambda: ECKey.generate_key("P-256"),
    "ES384": lambda: ECKey.generate_key("P-384"),
    "RS256": lambda: RSAKey.generate_key(2048),
    "PS256": lambda: RSAKey.generate_key(2048),
}
ISSUED = TokenIssuer("idp", ISSUER, ISSUER + "keys", AUDIENCE, tuple(KINDS))
LINK = PartyLink(link_id(PEPPER, "idp", "alice@example"), "idp", "P1")


@functools.cache
def key_for(algorithm, number=0):
    return KINDS[algorithm]()


def public(key, **more):
    return {**key.as_dict(private=False), **more}


class _Anything(jws.JWSRegistry):
    def get_alg(self, name):
        return self.algorithms[name]


def sign(header, members, key):
    """Any JWS, also one that nobody should make."""
    registry = _Anything(strict_check_header=False)
    payload = members if isinstance(members, bytes) else json.dumps(members).encode()
    return jws.serialize_compact(header, payload, key, registry=registry).encode()


def claims(now=NOON, **over):
    """What an issuer says; None takes a member out."""
    at = int(now.timestamp())
    every = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "alice@example",
        "client_id": "app",
        "iat": at,
        "exp": at + 600,
        "jti": "n1",
        **over,
    }
    return {name: value for name, value in every.items() if value is not None}


def token(now=NOON, *, algorithm="ES256", key=None, header=None, **over):
    header = {"alg": algorithm, "typ": "at+jwt", "kid": f"k-{algorithm}", **(header or {})}
    header = {name: value for name, value in header.items() if value is not None}
    return sign(header, claims(now, **over), key or key_for(algorithm))


def key_set(*algorithms):
    return json.dumps({"keys": [public(key_for(x), kid=f"k-{x}", alg=x, use="sig") for x in algorithms]}).encode()


def thumbprint(data):
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def proof(access_token, now=NOON, *, key=None, method="POST", url=None, header=None, **over):
    """A proof of possession; None takes a claim out."""
    key = key or key_for("ES256", 1)
    header = {"alg": "ES256", "typ": "dpop+jwt", "jwk": public(key), **(header or {})}
    header = {name: value for name, value in header.items() if value is not None}
    every = {
        "htm": method,
        "htu": url or "https://gate.example/v1/chat/completions",
        "iat": int(now.timestamp()),
        "jti": secrets.token_urlsafe(8),
        "ath": thumbprint(access_token),
        **over,
    }
    return sign(header, {name: value for name, value in every.items() if value is not None}, key)


def own_key(number=1):
    """A caller's own key, and its thumbprint."""
    key = key_for("ES256", number)
    return key, key.thumbprint()


def serve_with_keys():
    """`licet`, whose workers find the keys of every issuer at one place of this machine."""
    import licet.app.service as serving
    from licet.cli import main

    program = (sys.executable, "-c", "import callers_for_tests; callers_for_tests.work_with_keys()")
    serving.serve = functools.partial(serving.serve, worker=program)
    main()


def work_with_keys():
    """A worker that finds the keys of every issuer at one place of this machine."""
    from licet.app.worker import main

    async def fetch(url):
        from licet.fetching import fetch_with

        return await fetch_with(aiohttp.TCPConnector(), URL(os.environ["KEYS_AT"] + URL(url).path))

    sys.exit(main(fetch=fetch))


class KeyServer:
    """Where an issuer publishes its keys."""

    def __init__(self):
        self.algorithms, self.asked = ["ES256"], 0

    async def __call__(self, scope, receive, send):
        if scope["type"] == "http":
            await receive()
            self.asked += 1
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": key_set(*self.algorithms)})


WITH_KEYS = "import callers_for_tests; callers_for_tests.serve_with_keys()"


def with_keys_at(url):
    """The environment of an instance that finds the keys of every issuer there, beside its `WITH_KEYS`."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return {"KEYS_AT": url, "PYTHONPATH": path}


def believe_tokens(instance, **subjects):
    """Enter the issuer of the tests and the subjects of its tokens, by party."""
    names = {"url": ISSUER, "jwks_url": ISSUER + "keys", "audience": AUDIENCE, "algorithms": ["ES256"]}
    instance.act("/issuers", {"id": "idp", **names})
    for party, subject in subjects.items():
        instance.act(f"/parties/{party}/link", {"issuer": "idp", "subject": subject})


MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
