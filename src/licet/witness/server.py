"""`POST /add-checkpoint`: check, write down, sign, answer.

Source: C2SP tlog-witness, "add-checkpoint", for every status.
"""

from collections.abc import Callable, Mapping

from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from licet.errors import InputError, LicetError, NotFoundError, TrustError, UnavailableError
from licet.receipts import Policy
from licet.records.tlog import SIZE_TYPE, AddCheckpoint, SigningKey, spell_cosignatures, spell_size
from licet.records.tlog.cosigning import OtherSizeError, growth
from licet.witness.ledger import Ledger

_MAX_BODY_BYTES = 65_536
_TOO_LARGE = 413
_STATUSES: tuple[tuple[type[LicetError], int], ...] = ((NotFoundError, 404), (InputError, 400), (UnavailableError, 503))
_UNTRUSTED = {"unsigned": 403, "inconsistent": 422}


class Witness(Starlette):
    """The application of one witness.

    Args:
        key: What it signs with.
        logs: The trust file of each log it serves, by origin.
        ledger: What it has signed.
        now_s: Gives the seconds since 1970.
    """

    def __init__(self, key: SigningKey, logs: Mapping[str, Policy], ledger: Ledger, now_s: Callable[[], int]) -> None:
        self._key, self._logs, self._ledger, self._now_s = key, logs, ledger, now_s
        super().__init__(routes=[Route("/add-checkpoint", self._add_checkpoint, methods=["POST"])])
        self.router.redirect_slashes = False

    async def _add_checkpoint(self, request: Request) -> Response:
        body = b""
        try:
            async for chunk in request.stream():
                body += chunk
                if len(body) > _MAX_BODY_BYTES:
                    return PlainTextResponse(f"expected at most {_MAX_BODY_BYTES} bytes\n", _TOO_LARGE)
            return Response(self._cosign(AddCheckpoint.from_bytes(body)), media_type="text/plain")
        except OtherSizeError as err:
            # The header as it is: Starlette would add a charset to a text type.
            return Response(spell_size(err.size), 409, {"content-type": SIZE_TYPE})
        except TrustError as err:
            return PlainTextResponse(f"{err}\n", _UNTRUSTED.get(err.code, 403))
        except LicetError as err:
            status = next((status for kind, status in _STATUSES if isinstance(err, kind)), 500)
            return PlainTextResponse(f"{err}\n", status)
        except ClientDisconnect:
            return Response()  # nobody reads it

    def _cosign(self, request: AddCheckpoint) -> bytes:
        """Invariant: what is answered has been written down before, so that no crash lets a fork be signed."""
        seen = self._ledger.seen(request.checkpoint.origin)
        checkpoint = growth(request, self._logs, seen)
        self._ledger.advance(checkpoint, seen)
        return spell_cosignatures((self._key.sign(checkpoint, self._now_s()),))
