"""One HTTP call, JSON in and out, to an instance that the person named.

A token or a key goes with every call. So no proxy of the environment is used, no
redirect is followed, and without TLS nothing leaves this machine.
"""

import ipaddress
import json
import re
from typing import Any
from urllib.parse import SplitResult, urlsplit

from licet.cli.exchange import exchange
from licet.errors import DocumentError, Fault, InputError, LicetError, UnavailableError

_TIMEOUT_S = 10.0
_OK, _OTHERWISE = 200, 300
_UNABLE = 500  # from here on the answer says that it could not, not that it would not
_SEGMENT = re.compile(r"[A-Za-z0-9_-]{1,64}")


def call(url: str, bearer: str, body: object | None = None, patience_s: float | None = None) -> Any:
    """GET, or POST if there is a body, and give the JSON that is answered.

    Raises:
        LicetError: the call was refused; message and code are those of the answer.
        UnavailableError: nobody answered, or not in JSON; the code is
            `not_running` where nobody listens.
        InputError: the URL may not be called.
    """
    to = _safe(url)
    headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/json"}
    data = None
    if body is not None:
        data = json.dumps(body).encode()
        headers["Content-Type"] = "application/json"
    try:
        status, answered = exchange(to, headers, data, patience_s or _TIMEOUT_S)
    except ConnectionRefusedError as err:
        raise UnavailableError(f"nobody listens at `{_origin(to)}`", code="not_running") from err
    except (OSError, ValueError) as err:
        raise UnavailableError(f"`{_origin(to)}` did not answer: {err}") from err
    if _OK <= status < _OTHERWISE:
        return _read(answered, to)
    raise _refusal(status, answered, to)


def segment(text: str) -> str:
    """A name as one segment of a path.

    Raises:
        InputError: no id and no parameter is spelled so.
    """
    if not _SEGMENT.fullmatch(text):
        raise InputError(f"expected a name of letters, digits, `-` and `_`, found `{text}`")
    return text


def _origin(to: SplitResult) -> str:
    return f"{to.scheme}://{to.netloc}"


def _safe(url: str) -> SplitResult:
    try:
        to = urlsplit(url)
        host, _ = to.hostname or "", to.port  # a port that is no number is told by reading it
    except ValueError as err:
        raise InputError(f"expected a URL, found `{url}`", code="bad_url") from err
    if not host or not (to.scheme == "https" or (to.scheme == "http" and _is_here(host))):
        raise InputError(f"expected an https URL, or http on this machine, found `{url}`", code="bad_url")
    return to


def _is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _read(body: bytes, to: SplitResult) -> Any:
    try:
        return json.loads(body)
    except ValueError as err:
        raise UnavailableError(f"expected JSON from `{_origin(to)}`, found something else") from err


def _refusal(status: int, body: bytes, to: SplitResult) -> LicetError:
    try:
        problem = json.loads(body)
    except ValueError:
        problem = None
    if not isinstance(problem, dict):
        return UnavailableError(f"expected problem details from `{_origin(to)}`, found status {status}")
    detail, code = problem.get("detail"), problem.get("code")
    if isinstance(detail, list):  # what FastAPI answers to a body of another shape
        return InputError("; ".join(map(_say_member, detail)))
    if isinstance(problem.get("faults"), list):
        faults = tuple(Fault(x["line"], x["path"], x["message"]) for x in problem["faults"])
        return DocumentError(str(problem.get("document", "directive")), faults)
    kind = UnavailableError if status >= _UNABLE else LicetError
    return kind(
        detail if isinstance(detail, str) else f"refused with status {status}",
        code=code if isinstance(code, str) else "refused",
    )


def _say_member(member: Any) -> str:
    place = ".".join(str(part) for part in member.get("loc", ()) if part != "body")
    message = str(member.get("msg", "not valid"))
    return f"`{place}`: {message[:1].lower()}{message[1:]}"
