"""uvicorn's websockets, with a handshake that has one reading and a log that tells no query.

The head of the handshake has passed `BoundedProtocol` before it comes here.

Source: RFC 6455, 4.2.1 (what a server requires of a handshake).
"""

import logging
from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

_REFUSAL = b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
# What uvicorn tells of each opening has the query, and so perhaps a key.
_quiet = logging.getLogger("licet.gateway.websocket")
_quiet.setLevel(logging.WARNING)


class SocketProtocol(WebSocketsSansIOProtocol):
    """One websocket of a client."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.logger = _quiet
        self.conn.logger = _quiet
        self.conn.debug = False

    async def send(self, message: Any) -> None:
        """Say something. A refusal is an answer too: without this uvicorn logs an error for each."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True

    def data_received(self, data: bytes) -> None:
        """Read on. The handshake comes whole; one that the library cannot read is refused, and not waited for."""
        super().data_received(data)
        if not self.handshake_initiated and not self.transport.is_closing():
            self.handshake_complete = True
            self.transport.write(_REFUSAL)
            self.transport.close()
