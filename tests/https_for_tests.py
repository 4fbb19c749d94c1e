"""Names with https on this machine: TLS ended before plain sockets, and how a browser finds them."""

import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from datetime import timedelta
from socketserver import BaseRequestHandler, ThreadingTCPServer
from urllib.parse import urlsplit

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from licet.fleet import Clock


def context_for(directory, names):
    """A certificate that nobody vouches for, for all of the names."""
    key, now = ec.generate_private_key(ec.SECP256R1()), Clock().now()
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, names[0])])
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(one) for one in names]), critical=False)
        .sign(key, SHA256())
    )
    path = directory / "tls.pem"
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()) + made.public_bytes(Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


class _Front(ThreadingTCPServer):
    allow_reuse_address = daemon_threads = True
    block_on_close = False


def _forwarding(context, port):
    class Forward(BaseRequestHandler):
        def handle(self):
            with (
                suppress(OSError),
                closing(socket.create_connection(("127.0.0.1", port))) as inner,
                context.wrap_socket(self.request, server_side=True) as outer,
            ):
                threading.Thread(target=_pump, args=(inner, outer), daemon=True).start()
                _pump(outer, inner)

    return Forward


def _pump(source, sink):
    with suppress(OSError):
        while piece := source.recv(65_536):
            sink.sendall(piece)
    with suppress(OSError):
        sink.shutdown(socket.SHUT_RDWR)


@contextmanager
def https(directory, places):
    """Put https before each place, `{name: plain URL or port}`; the flags by which Chromium finds them."""
    context, fronts, rules = context_for(directory, list(places)), [], []
    try:
        for name, place in places.items():
            port = place if isinstance(place, int) else urlsplit(place).port
            front = _Front(("127.0.0.1", 0), _forwarding(context, port))
            fronts.append(front)
            threading.Thread(target=front.serve_forever, daemon=True, name=f"https {name}").start()
            rules.append(f"MAP {name}:443 127.0.0.1:{front.server_address[1]}")
        yield ("--ignore-certificate-errors", "--host-resolver-rules=" + ", ".join(rules))
    finally:
        for front in fronts:
            front.shutdown()
            front.server_close()
