"""A real OpenID provider, by Authlib and Flask on a real socket, and a `licet` whose control process finds it there.

It signs people in, gives codes, exchanges them with PKCE, signs ID tokens and JWT access
tokens, names itself (RFC 9207), and answers at userinfo, in JSON or signed, what the
`claims` parameter has asked for of `verified_claims`.
"""

# ruff: noqa: ARG002  # Authlib says which arguments its hooks have

import base64
import functools
import json
import os
import sys
import threading
from contextlib import contextmanager
from html import escape
from pathlib import Path
from urllib.parse import urlencode, urlsplit

from authlib.integrations.flask_oauth2 import AuthorizationServer, ResourceProtector
from authlib.oauth2.rfc6749 import grants
from authlib.oauth2.rfc6750 import BearerTokenValidator
from authlib.oauth2.rfc7636 import CodeChallenge
from authlib.oauth2.rfc9068 import JWTBearerTokenGenerator
from authlib.oauth2.rfc9207 import IssuerParameter
from authlib.oidc.core import UserInfo, UserInfoEndpoint
from authlib.oidc.core.grants import OpenIDCode
from flask import Flask, request
from joserfc.jwk import ECKey, KeySet
from werkzeug.serving import WSGIRequestHandler, make_server

from instance_for_tests import call
from licet.fleet import Clock

ISSUER = "https://op.test"
PUBLIC = "https://gate.example"
CLIENT, SECRET = "licet-app", "the-secret-of-licet-app"
RETURN = PUBLIC + "/licet/enroll/return"


class Provider:
    """The application; `people` are by their subjects what was verified of them."""

    def __init__(self):
        self.key = ECKey.generate_key("P-256", {"kid": "op-1", "use": "sig", "alg": "ES256"})
        self.people, self.codes, self.tokens, self.asked = {}, {}, {}, []
        self.signs_answers, self.verified_in_token = False, False

        self.clients = {
            CLIENT: _Client(CLIENT, SECRET, RETURN),
            "rogue": _Client("rogue", "r", "https://rogue.test/cb"),
        }
        self.app = app = Flask("provider")
        server = AuthorizationServer(app, self.clients.get, self._save)
        server.register_token_generator("default", _tokens(self)(issuer=ISSUER, alg="ES256"))
        server.register_grant(_code(self), [_identity(self)(require_nonce=True), CodeChallenge(required=True)])
        server.register_extension(_Named())
        protector = ResourceProtector()
        protector.register_token_validator(_bearer(self)())
        server.register_endpoint(_info(self)(resource_protector=protector))

        self._routes(app, server)

    def _routes(self, app, server):
        provider = self

        @app.get("/authorize")
        def authorize():
            if "login" not in request.args:
                return _login_page(request.args)
            user = _User(request.args["login"], json.loads(request.args.get("claims", "{}")))
            provider.asked.append(user.wanted)
            grant = server.get_consent_grant(end_user=user)
            return server.create_authorization_response(grant=grant, grant_user=user)

        @app.post("/token")
        def token():
            return server.create_token_response()

        @app.get("/userinfo")
        def userinfo():
            for client in provider.clients.values():
                client.client_metadata = {"userinfo_signed_response_alg": "ES256"} if provider.signs_answers else {}
            return server.create_endpoint_response("userinfo")

        @app.get("/keys")
        def keys():
            return {"keys": [provider.key.as_dict(private=False)]}

    def _save(self, token, request):
        self.tokens[token["access_token"]] = _Issued(token, request.client, request.user)

    def verified(self, user, wanted):
        """What was verified of a person, of what was asked for."""
        elements = []
        asked = wanted.get("userinfo", {}).get("verified_claims", [])
        for one in asked if isinstance(asked, list) else [asked]:
            for known in self.people.get(user.subject, []):
                verification, want = known["verification"], one["verification"]
                levels = want.get("assurance_level", {}).get("values")
                if verification["trust_framework"] != want["trust_framework"]["value"]:
                    continue
                if levels is not None and verification.get("assurance_level") not in levels:
                    continue
                claims = {name: value for name, value in known["claims"].items() if name in one["claims"]}
                elements.append({"verification": verification, "claims": claims})
        if not elements:
            return {}
        return {"verified_claims": elements[0] if len(elements) == 1 else elements}

    def sign_in(self, url, subject):
        """What a browser would do at an authorization URL: the query with which the person comes back."""
        parts = urlsplit(url)
        answer = self.app.test_client().get(
            f"/authorize?{parts.query}&{urlencode({'login': subject})}", base_url=ISSUER
        )
        assert answer.status_code == 302, answer.data
        where = urlsplit(answer.headers["location"])
        assert where._replace(query="").geturl() == RETURN
        return where.query

    def token_of(self, subject, client=CLIENT, **wanted):
        """An access token that a client of the caller's own would come to."""
        from licet.parties.evidence.sign_in import code_challenge

        verifier = "v" * 43
        claims = wanted or {"userinfo": {"verified_claims": ASKED}}
        asked = {
            "response_type": "code",
            "client_id": client,
            "redirect_uri": self.clients[client].redirect,
            "scope": "openid",
            "nonce": base64.urlsafe_b64encode(os.urandom(9)).decode(),
            "code_challenge": code_challenge(verifier),
            "code_challenge_method": "S256",
            "claims": json.dumps(claims),
            "login": subject,
        }
        browser = self.app.test_client()
        came_back = browser.get("/authorize?" + urlencode(asked), base_url=ISSUER).headers["location"]
        code = dict(one.split("=") for one in urlsplit(came_back).query.split("&"))["code"]
        form = {"grant_type": "authorization_code", "code": code, "redirect_uri": self.clients[client].redirect}
        form |= {"client_id": client, "client_secret": self.clients[client].secret, "code_verifier": verifier}
        return browser.post("/token", data=form, base_url=ISSUER).json["access_token"]


ASKED = {
    "verification": {"trust_framework": {"value": "nist_800_63A"}, "assurance_level": {"values": ["ial2"]}},
    "claims": {"us_person": None, "nationalities": None},
}


def _login_page(asked):
    """Who comes with a browser says who they are; a password is not what is tested."""
    kept = "".join(f'<input type="hidden" name="{escape(k)}" value="{escape(v)}">' for k, v in asked.items())
    form = f'<form>{kept}<label>Who are you? <input name="login"></label><button>Sign in</button></form>'
    return f"<!DOCTYPE html><title>Provider</title>{form}"


def _code(provider):
    class Code(grants.AuthorizationCodeGrant):
        TOKEN_ENDPOINT_AUTH_METHODS = ("client_secret_post", "none")

        def save_authorization_code(self, code, request):
            provider.codes[code] = made = _Code(request)
            return made

        def query_authorization_code(self, code, client):
            found = provider.codes.get(code)
            return found if found is not None and found.client == client.get_client_id() else None

        def delete_authorization_code(self, authorization_code):
            provider.codes = {text: one for text, one in provider.codes.items() if one is not authorization_code}

        def authenticate_user(self, authorization_code):
            return authorization_code.user

    return Code


def _identity(provider):
    class Identity(OpenIDCode):
        def exists_nonce(self, nonce, request):
            return any(one.nonce == nonce for one in provider.codes.values())

        def resolve_client_private_key(self, client):
            return provider.key

        def get_client_algorithm(self, client):
            return "ES256"

        def get_encode_header(self, client):
            return {"alg": "ES256", "kid": "op-1"}

        def get_client_claims(self, client):
            now = int(Clock().now().timestamp())
            return {"iss": ISSUER, "aud": [client.get_client_id()], "iat": now, "exp": now + 300}

        def get_compatible_claims(self, request):
            return self.get_client_claims(request.client)

        def generate_user_info(self, user, scope):
            return UserInfo(sub=user.subject)

    return Identity


def _tokens(provider):
    class Tokens(JWTBearerTokenGenerator):
        def get_jwks(self):
            return KeySet([provider.key])

        def get_audiences(self, client, user, scope):
            return PUBLIC

        def get_extra_claims(self, client, grant_type, user, scope):
            return provider.verified(user, user.wanted) if provider.verified_in_token else {}

    return Tokens


def _bearer(provider):
    class Bearer(BearerTokenValidator):
        def authenticate_token(self, token_string):
            return provider.tokens.get(token_string)

    return Bearer


def _info(provider):
    class Info(UserInfoEndpoint):
        def get_issuer(self):
            return ISSUER

        def generate_user_info(self, user, scope):
            return UserInfo(sub=user.subject, name="Zebulon Planted", **provider.verified(user, user.wanted))

        def resolve_private_key(self):
            return provider.key

    return Info


class _Named(IssuerParameter):
    def get_issuer(self):
        return ISSUER


class _User:
    def __init__(self, subject, wanted):
        self.subject, self.wanted = subject, wanted

    def get_user_id(self):
        return self.subject


class _Client:
    def __init__(self, name, secret, redirect):
        self.client_id, self.secret, self.redirect, self.client_metadata = name, secret, redirect, {}

    def get_client_id(self):
        return self.client_id

    def get_default_redirect_uri(self):
        return self.redirect

    def get_allowed_scope(self, scope):
        return scope

    def check_redirect_uri(self, redirect_uri):
        return redirect_uri == self.redirect

    def check_client_secret(self, client_secret):
        return client_secret == self.secret

    def check_endpoint_auth_method(self, method, endpoint):
        return method == "client_secret_post"

    def check_response_type(self, response_type):
        return response_type == "code"

    def check_grant_type(self, grant_type):
        return grant_type == "authorization_code"


class _Code:
    def __init__(self, request):
        data = request.payload.data
        self.client, self.user, self.redirect = request.client.client_id, request.user, request.payload.redirect_uri
        self.nonce, self.scope, self.made_at = data.get("nonce"), request.payload.scope, Clock().now().timestamp()
        self.code_challenge = data.get("code_challenge")
        self.code_challenge_method = data.get("code_challenge_method")

    def get_redirect_uri(self):
        return self.redirect

    def get_scope(self):
        return self.scope

    def get_nonce(self):
        return self.nonce

    def get_auth_time(self):
        return int(self.made_at)

    def get_acr(self):
        return None

    def get_amr(self):
        return None


class _Issued:
    def __init__(self, token, client, user):
        self.scope, self.client, self.user = token["scope"], client, user

    def get_scope(self):
        return self.scope

    def get_client(self):
        return self.client

    def get_user(self):
        return self.user

    def is_expired(self):
        return False

    def is_revoked(self):
        return False

    def check_client(self, client):
        return client is self.client


@contextmanager
def running_provider():
    """Serve a provider on a free loopback port, in a thread."""

    class Quiet(WSGIRequestHandler):
        def log(self, *args):
            pass

    provider = Provider()
    # The socket is plain: the provider is told that what came to it came over https, as a proxy before it would tell.
    wsgi = provider.app.wsgi_app
    provider.app.wsgi_app = lambda environ, start: wsgi({**environ, "wsgi.url_scheme": "https"}, start)
    server = make_server("127.0.0.1", 0, provider.app, threaded=True, request_handler=Quiet)
    thread = threading.Thread(target=server.serve_forever, name="provider", daemon=True)
    thread.start()
    provider.at = f"http://127.0.0.1:{server.server_port}"
    try:
        assert call(provider.at + "/keys").status == 200
        yield provider
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


# An instance whose control process finds every host of the provider's at one place of this machine.


def serve_with_provider():
    import licet.app.service as serving
    from licet.cli import main

    program = (sys.executable, "-c", "import provider_for_tests; provider_for_tests.control_with_provider()")
    serving.serve = functools.partial(serving.serve, control=program)
    main()


def control_with_provider():
    import aiohttp
    from yarl import URL

    from licet.app.control import main
    from licet.fetching import exchange_with

    async def exchange(wanted):
        url = URL(wanted.url)
        assert url.scheme == "https"
        assert url.host == "op.test"
        return await exchange_with(aiohttp.TCPConnector(), URL(os.environ["PROVIDER_AT"] + url.raw_path), wanted)

    sys.exit(main(exchange=exchange))


WITH_PROVIDER = "import provider_for_tests; provider_for_tests.serve_with_provider()"


def with_provider_at(url):
    """The environment of an instance that finds the provider there, beside its `WITH_PROVIDER`."""
    path = os.pathsep.join([str(Path(__file__).parent), os.environ.get("PYTHONPATH", "")])
    return {"PROVIDER_AT": url, "PYTHONPATH": path, "PROVIDER_SECRET": SECRET}


ENROLLMENT = {
    "id": "op",
    "url": ISSUER,
    "jwks_url": ISSUER + "/keys",
    "audience": PUBLIC,
    "clients": [CLIENT],
    "algorithms": ["ES256"],
    "accepts": [{"framework": "nist_800_63A", "level": "ial2"}, {"framework": "eidas", "level": "high"}],
    "country": "US",
    "max_age_days": 180,
    "status": {"name": "us_person", "not_foreign": True, "foreign": False},
    "userinfo_url": ISSUER + "/userinfo",
    "sign_in": {
        "authorization_url": ISSUER + "/authorize",
        "token_url": ISSUER + "/token",
        "client": CLIENT,
        "redirect_url": RETURN,
    },
}
