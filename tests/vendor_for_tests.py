"""A stand-in for a verification vendor: a hosted page, and callbacks in the shape of Persona's, signed like those."""

import hmac
import html
import json
import secrets
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

from instance_for_tests import call
from licet.fleet import Clock

SECRET = "wbhsec_of_the_stand_in"
AT = "https://vendor.test"
ENROLLMENT = {
    "id": "persona",
    "template": "itmpl_1",
    "approved": "not_foreign_person",
    "start_url": AT + "/verify?inquiry-template-id=itmpl_1&reference-id={reference}",
}
SETTINGS = '\n[evidence.persona]\nsecrets = ["env:PERSONA_SECRET"]\n'


def event(reference, name="inquiry.approved", *, template="itmpl_1", **fields):
    inquiry = {
        "attributes": {"reference-id": reference, "fields": {k: {"value": v} for k, v in fields.items()}},
        "relationships": {"inquiry-template": {"data": {"id": template}}},
    }
    told = {"name": name, "created-at": Clock().now().isoformat(), "payload": {"data": inquiry}}
    return json.dumps({"data": {"id": "evt_" + secrets.token_hex(4), "attributes": told}}).encode()


def deliver(gateway, body, *, secret=SECRET, vendor="persona"):
    seconds = str(int(Clock().now().timestamp()))
    mark = hmac.new(secret.encode(), seconds.encode() + b"." + body, "sha256").hexdigest()
    sent = {"persona-signature": f"t={seconds},v1={mark}", "content-type": "application/json"}
    return call(f"{gateway}/licet/vendors/{vendor}/callback", body, sent)


class Vendor:
    """The hosted page: who comes is approved when they say so, and sent back where the vendor was told to."""

    def __init__(self, return_url):
        self.gateway, self.return_url, self.references, self.answers = "", return_url, [], []

    def approve(self, reference, **over):
        answer = deliver(self.gateway, event(reference, **over))
        self.answers.append((answer.status, answer.json))
        return answer


@contextmanager
def running_vendor(return_url):
    vendor = Vendor(return_url)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            reference = parse_qs(urlsplit(self.path).query)["reference-id"][0]
            vendor.references.append(reference)
            form = f'<form method="post" action="/done"><input type="hidden" name="r" value="{html.escape(reference)}">'
            page = (
                f"<!DOCTYPE html><title>Vendor</title>{form}<button>I have shown my passport</button></form>".encode()
            )
            self.send_response(200)
            self.send_header("content-type", "text/html")
            self.send_header("content-length", str(len(page)))
            self.end_headers()
            self.wfile.write(page)

        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(303)
            self.send_header("location", f"{vendor.return_url}?status=completed&reference-id={vendor.references[-1]}")
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *args):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True, name="vendor")
    thread.start()
    vendor.port = server.server_port
    try:
        yield vendor
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
