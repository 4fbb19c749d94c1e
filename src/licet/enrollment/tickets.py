"""The link in a refusal: which key asked for which model, sealed, good for a day.

A link proves nothing. Whoever opens it has to show the key that it was made for.
"""

from datetime import datetime, timedelta
from urllib.parse import urlsplit

import msgspec

from licet.decisions import Caller, Refusal, Request, RequestedAct
from licet.enrollment.sealing import Seal
from licet.terms import ItemId, KeyId, RecordId

LIFETIME = timedelta(days=1)
PATH = "/licet/enroll/"
"""Where the page is; a ticket follows."""
RETURN = "return"
"""Under `PATH`, in the place of a ticket: where other sites send people back."""
_LONGEST_NAME = 256


class Ticket(msgspec.Struct, frozen=True, array_like=True):
    """What a link stands for: no person, and nothing that is secret to whose key it names."""

    record: RecordId
    key: KeyId
    model: str
    base: ItemId | None
    among: tuple[ItemId, ...]
    ends: datetime

    def asks(self, caller: Caller) -> Request:
        """The request that was refused, asked by this caller."""
        return Request(self.model, RequestedAct.INFERENCE, caller, self.base, self.among)


class Tickets:
    """Makes links and reads them.

    Args:
        secret: A secret of the gateway's.
        public_url: The gateway's address as callers know it; None where it was not told
            its own, and then no refusal has a link.

    Attributes:
        root: Where the page is as browsers see it, with a path that a proxy takes away.
        return_url: Where other sites send people back; None where the address is not known.
    """

    def __init__(self, secret: bytes, public_url: str | None) -> None:
        self._seal = Seal(secret, "ticket")
        self._public_url = None if public_url is None else public_url.rstrip("/")
        self.root = urlsplit(self._public_url or "").path + PATH
        self.return_url = None if self._public_url is None else self._public_url + PATH + RETURN

    def link(self, request: Request, refusal: Refusal, record: RecordId, at: datetime) -> str | None:
        """The address of the page about a refusal; None where it has none.

        Of a model that is concealed, or unknown, there is none: the link would tell.
        """
        caller = request.caller
        if self._public_url is None or refusal.basis.item is None or len(request.model) > _LONGEST_NAME:
            return None
        if caller.binding != "bearer":  # the page is shown a secret, and cannot be shown a proof of possession
            return None
        ticket = Ticket(record, caller.key, request.model, request.base, request.among, at + LIFETIME)
        return self._public_url + PATH + self._seal.close(ticket)

    def read(self, text: str, now: datetime) -> Ticket | None:
        """What a link stands for; None for one that was never made and for one that has expired alike."""
        ticket = self._seal.open(text, Ticket)
        return None if ticket is None or now >= ticket.ends else ticket
