"""Stand-ins of the walk-through that vouch for people: an identity provider and a verification vendor.

Both say of themselves that they are stand-ins, verify nobody, and are believed only by
the instance of the walk-through.
"""

import hmac
import json
import secrets
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from joserfc import jws
from joserfc.jwk import ECKey

from licet.fleet import Clock
from licet.terms import format_instant

PROVIDER = "https://identity.demo.example"
"""What the stand-in calls itself; the control process of the walk-through finds this name on this machine."""
CLIENT, TEMPLATE = "licet-demo", "itmpl_demo"

_SAYS = "This is a stand-in of `licet demo`. It verifies nobody."
_PATIENCE_S = 10.0


class Vouchers:
    """The two, while the walk lasts.

    Attributes:
        url: Where the provider's keys are, on this machine.
        secret: With which the vendor signs its events.
    """

    def __init__(self, port: int, key: ECKey) -> None:
        self.url = f"http://127.0.0.1:{port}"
        self.secret = secrets.token_urlsafe(24)
        self._key = key

    def token(self, subject: str, audience: str) -> str:
        """The provider's: an access token that says of somebody that they are no foreign person."""
        now = Clock().now()
        verification = {
            "trust_framework": "nist_800_63A",
            "assurance_level": "ial2",
            "time": format_instant(now - timedelta(days=30)),
        }
        claims = {
            "iss": PROVIDER,
            "aud": audience,
            "sub": subject,
            "client_id": CLIENT,
            "iat": int(now.timestamp()),
            "exp": int(now.timestamp()) + 300,
            "jti": secrets.token_urlsafe(12),
            "verified_claims": {"verification": verification, "claims": {"us_person": True}},
        }
        header = {"alg": "ES256", "typ": "at+jwt", "kid": "demo"}
        return jws.serialize_compact(header, json.dumps(claims).encode(), self._key, algorithms=["ES256"])

    def approve(self, gateway: str, reference: str) -> str:
        """The vendor's: tell the gateway, in a signed event, that whoever has this reference was approved."""
        now = Clock().now()
        inquiry = {
            "attributes": {"reference-id": reference},
            "relationships": {"inquiry-template": {"data": {"id": TEMPLATE}}},
        }
        told = {"name": "inquiry.approved", "created-at": format_instant(now), "payload": {"data": inquiry}}
        event = {"data": {"id": f"evt_{secrets.token_hex(8)}", "attributes": told}, "about": _SAYS}
        body, at = json.dumps(event).encode(), str(int(now.timestamp()))
        mark = hmac.digest(self.secret.encode(), f"{at}.".encode() + body, "sha256").hex()
        headers = {"persona-signature": f"t={at},v1={mark}", "content-type": "application/json"}
        request = urllib.request.Request(f"{gateway}/licet/vendors/persona/callback", body, headers)  # noqa: S310  # http on loopback
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=_PATIENCE_S) as answer:
            return str(json.load(answer)["event"])


@contextmanager
def vouching() -> Iterator[Vouchers]:
    """Let them be there for as long as the block runs."""
    key = ECKey.generate_key("P-256", {"kid": "demo", "use": "sig", "alg": "ES256"})
    keys = json.dumps({"keys": [key.as_dict(private=False)], "about": _SAYS}).encode()

    class Handler(BaseHTTPRequestHandler):
        server_version = "licet-demo-stand-in"

        def do_GET(self) -> None:
            """The provider's keys, and whose they are."""
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(keys)))
            self.end_headers()
            self.wfile.write(keys)

        def log_message(self, *_: object) -> None:
            """Say nothing: what is printed is the walk's."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.1,), daemon=True, name="vouchers")
        thread.start()
        try:
            yield Vouchers(server.server_port, key)
        finally:
            server.shutdown()
            thread.join()
