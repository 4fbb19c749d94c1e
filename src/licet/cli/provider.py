"""Ask an upstream of `licet.toml` for its models, with the credential that the file gives it."""

import urllib.error
import urllib.request
from collections.abc import Iterator

from licet.dialects import read_models
from licet.errors import InputError, UnavailableError
from licet.gateway import Upstream
from licet.terms import Surface

_PATHS = {Surface.OPENAI: "/v1/models", Surface.ANTHROPIC: "/v1/models", Surface.GEMINI: "/v1beta/models"}
_TIMEOUT_S = 10.0
_MOST_BYTES = 8 * 1024 * 1024
_MOST_PAGES = 100


class _StayHere(urllib.request.HTTPRedirectHandler):
    """The credential goes to the address that was configured and to no other."""

    def redirect_request(self, *_: object) -> None:
        return None


_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}), _StayHere())


def models_of(upstream: Upstream) -> list[str]:
    """The names of its models in every dialect it speaks, each once.

    Raises:
        UnavailableError: it does not answer, or not with a list.
    """
    names = (name for surface in sorted(upstream.dialects) for name in _models(upstream, surface))
    return list(dict.fromkeys(names))


def _models(upstream: Upstream, surface: Surface) -> Iterator[str]:
    url = str(upstream.base_url).rstrip("/") + _PATHS[surface]
    following: str | None = ""
    for _ in range(_MOST_PAGES):
        page = read_models(surface, _get(f"{url}?{following}" if following else url, _headers(upstream, surface)))
        yield from page.names
        following = page.following
        if following is None:
            return
    raise UnavailableError(f"expected at most {_MOST_PAGES} pages of models from `{upstream.name}`", code="bad_listing")


def _headers(upstream: Upstream, surface: Surface) -> dict[str, str]:
    versions = {"anthropic-version": "2023-06-01"} if surface is Surface.ANTHROPIC else {}
    return {"Accept": "application/json", **versions, **upstream.authorization(surface)}


def _get(url: str, headers: dict[str, str]) -> bytes:
    place = url.partition("?")[0]
    request = urllib.request.Request(url, headers=headers)  # noqa: S310  # of licet.toml, which takes http and https only
    try:
        with _OPENER.open(request, timeout=_TIMEOUT_S) as answer:
            body: bytes = answer.read(_MOST_BYTES + 1)
    except urllib.error.HTTPError as err:
        with err:
            raise UnavailableError(f"`{place}` answered {err.code}", code="upstream_refused") from err
    except (OSError, ValueError) as err:
        reason = getattr(err, "reason", err)
        raise UnavailableError(f"`{place}` did not answer: {reason}", code="upstream_unreachable") from err
    if len(body) > _MOST_BYTES:
        raise InputError(f"expected a list of at most {_MOST_BYTES} bytes from `{place}`", code="bad_listing")
    return body
