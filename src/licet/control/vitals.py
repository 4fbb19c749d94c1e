"""How the process fares: alive, ready, and what it has counted.

Liveness and readiness name nothing and need no token, so that whoever restarts the
process can ask. Metrics name items, and need one unless the operator says otherwise.
"""

import hmac
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from fastapi import Depends, FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse, Response

_READY, _NOT_READY = 200, 503


@dataclass(frozen=True, slots=True)
class Vitals:
    """What can be asked.

    Attributes:
        obstacles: Why restricted items cannot be served now, in words for machines, by
            worker; none where they can.
        exposition: The page that Prometheus reads.
        content_type: Its type.
        is_public: Whether anybody who reaches the control listener may read it.
        token: Another secret than an administrator's that may read it, and do nothing else.
    """

    obstacles: Callable[[], Awaitable[dict[int, list[str]]]]
    exposition: Callable[[], Awaitable[bytes]]
    content_type: str
    is_public: bool = False
    token: str | None = None

    def admits(self, given: str | None) -> bool:
        """Whether metrics may be read with this, whoever comes."""
        if self.is_public:
            return True
        is_theirs = hmac.compare_digest((given or "").encode(), (self.token or "").encode())
        return self.token is not None and is_theirs


def vital_routes(api: FastAPI, vitals: Vitals, reader: Callable[..., Any]) -> None:
    """Add the routes of this module.

    Args:
        api: Where to.
        vitals: What can be asked.
        reader: Refuses whoever may not read metrics.
    """

    @api.get("/healthz", include_in_schema=False)
    async def healthz() -> dict[str, Any]:
        return {"status": "ok"}

    @api.get("/readyz", include_in_schema=False)
    async def readyz() -> JSONResponse:
        workers = await vitals.obstacles()
        reasons = list(dict.fromkeys(reason for found in workers.values() for reason in found))
        body = {"ready": not reasons, "reasons": reasons, "workers": {str(x): workers[x] for x in sorted(workers)}}
        return JSONResponse(body, _NOT_READY if reasons else _READY)

    @api.get(
        "/metrics",
        summary="What was counted, for Prometheus",
        dependencies=[Depends(reader)],
        response_class=PlainTextResponse,
    )
    async def metrics() -> Response:
        return Response(await vitals.exposition(), media_type=vitals.content_type)
