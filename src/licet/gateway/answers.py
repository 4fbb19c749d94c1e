"""What a refused caller is told: the one table of HTTP statuses, and every sentence."""

from dataclasses import replace
from datetime import datetime

from licet import dialects
from licet.decisions import Code, Refusal, RemedyKind, Request, Snapshot, disclosed, usable_items
from licet.errors import CallerError, InputError, UnavailableError
from licet.terms import RecordId

STATUSES = {
    Code.LICENSE_REQUIRED: 403,
    Code.VERIFICATION_REQUIRED: 403,
    Code.EXPORT_CONTROL_DENIED: 403,
    Code.ITEM_STOPPED: 403,
    Code.MODEL_NOT_FOUND: 404,
    Code.POLICY_STALE: 503,
    Code.LOG_UNAVAILABLE: 503,
    Code.DECISION_ERROR: 503,
}
"""What a decision's code means on the wire; a malformed request is no decision and has its own below."""

_MESSAGES = {
    Code.LICENSE_REQUIRED: "This model may not be released to you without a license.",
    Code.VERIFICATION_REQUIRED: "This model may be released to you only once more is known of you.",
    Code.EXPORT_CONTROL_DENIED: "This model may not be released to you.",
    Code.ITEM_STOPPED: "The operator has taken this model offline for everybody.",
    Code.MODEL_NOT_FOUND: "The model does not exist or you do not have access to it.",
    Code.POLICY_STALE: "The rules for this model are too old to rely on; try again shortly.",
    Code.LOG_UNAVAILABLE: "The record that this model's release requires cannot be written; try again shortly.",
    Code.DECISION_ERROR: "The decision could not be made, so nothing is released; try again shortly.",
}
_RETRY_AFTER_S = 5
_SHOWN_THERE = frozenset({RemedyKind.ORGANIZATION_ATTESTATION, RemedyKind.LICENSE, RemedyKind.ASK_A_HUMAN})
_FORBIDDEN, _UNAVAILABLE = 403, 503


def refused(
    refusal: Refusal,
    decision_id: RecordId,
    request: Request,
    snapshot: Snapshot,
    at: datetime,
    *,
    midway: bool = False,
    link: str | None = None,
) -> dialects.Refusal:
    """A decision's refusal as the caller reads it: public grounds, remedies, what they may still use.

    What they may still use is not told `midway`, in the event that ends a stream. A change
    may end thousands, for each of whom every item would have to be decided before the
    last is told; no client library hands it on; and the next answer has it.

    `link` is where the caller can see and show what would change the answer.

    An unknown or concealed model is answered with its id alone; its grounds are
    only in the record.
    """
    status = STATUSES[refusal.code]
    if refusal.code is Code.MODEL_NOT_FOUND:
        return not_found(decision_id)
    grounds = disclosed(refusal.grounds)
    alternatives = usable_items(request, snapshot, at) if status == _FORBIDDEN and not midway else ()
    first = f" {grounds[0].text} [{grounds[0].citation}]" if grounds and refusal.basis.judged else ""
    return dialects.Refusal(
        code=refusal.code,
        message=_MESSAGES[refusal.code] + first,
        status=status,
        decision_id=decision_id,
        outcome=refusal.outcome,
        grounds=tuple(dialects.GroundText(x.rule, x.citation, x.text) for x in grounds),
        remedies=tuple(
            dialects.RemedyText(x.kind, x.text, link if x.kind in _SHOWN_THERE else None) for x in refusal.remedies
        ),
        alternatives=tuple(item.id for item in alternatives if item.id != refusal.basis.item),
        retry_after_s=_RETRY_AFTER_S if status == _UNAVAILABLE else None,
    )


def failed(code: Code, decision_id: RecordId | None) -> dialects.Refusal:
    """A decision that could not be made or recorded."""
    return dialects.Refusal(code, _MESSAGES[code], STATUSES[code], decision_id, retry_after_s=_RETRY_AFTER_S)


def unreadable(err: InputError) -> dialects.Refusal:
    """The request cannot be read as one of a known kind."""
    return dialects.Refusal(err.code, f"The request was not understood: {err}.", 400)


def nobody(err: CallerError) -> dialects.Refusal:
    """No key and no token, or none that is good."""
    return dialects.Refusal(err.code, str(err), 401, challenge=err.challenge, nonce=err.nonce)


def cannot_tell(err: UnavailableError) -> dialects.Refusal:
    """Who calls cannot be told now."""
    message = f"Who calls cannot be told now: {err}; try again shortly."
    return dialects.Refusal(err.code, message, _UNAVAILABLE, retry_after_s=_RETRY_AFTER_S)


def too_many_running(most: int) -> dialects.Refusal:
    """As many requests of the key are being answered as may be; client libraries wait as long as they are told."""
    message = f"{most} requests with this key are being answered already; wait until one has ended."
    return dialects.Refusal("too_many_running", message, _UNAVAILABLE, retry_after_s=_RETRY_AFTER_S)


def took_too_long(decision_id: RecordId) -> dialects.Refusal:
    """An answer that has run for as long as one may."""
    message = "The answer took longer than this gateway lets one take; it is not complete."
    return dialects.Refusal("answer_too_long", message, _UNAVAILABLE, decision_id, retry_after_s=_RETRY_AFTER_S)


def no_route() -> dialects.Refusal:
    """Nothing that this gateway knows how to decide on."""
    return dialects.Refusal("unknown_route", "This gateway does not serve that path and method.", 404)


def never_served() -> dialects.Refusal:
    """What begins something beyond the gateway, which nobody would decide on."""
    message = "This gateway never serves that: what it begins would go on past every decision."
    return dialects.Refusal("route_refused", message, 404)


def no_socket(*, upgrades: bool) -> dialects.Refusal:
    """A socket's path without a socket: the caller did not ask for one, or the server cannot."""
    if upgrades:
        message = "This gateway has no websockets: whoever runs it installs the extra `realtime`."
        return dialects.Refusal("no_websockets", message, 404)
    return dialects.Refusal("websocket_required", "This path is served as a websocket only.", 400)


def session_idle(decision_id: RecordId | None) -> dialects.Refusal:
    """A socket on which neither side said anything for as long as that may take."""
    return dialects.Refusal("session_idle", "Nothing was sent on this socket for too long.", 504, decision_id)


def too_large(limit_bytes: int) -> dialects.Refusal:
    """The body is over the limit."""
    return dialects.Refusal("body_too_large", f"The request body is larger than {limit_bytes} bytes.", 413)


def too_slow() -> dialects.Refusal:
    """The body does not come; a status for that would be repeated by client libraries."""
    return dialects.Refusal("body_too_slow", "The request body did not arrive in time.", 400)


def key_revoked(decision_id: RecordId) -> dialects.Refusal:
    """The key of a running answer was revoked."""
    return dialects.Refusal(
        "key_revoked", "The API key was revoked while this answer was being made.", 403, decision_id
    )


def stopping(decision_id: RecordId) -> dialects.Refusal:
    """The gateway is going down in the middle of an answer."""
    message = "The gateway is being stopped; this answer is not complete."
    return dialects.Refusal("gateway_stopping", message, 503, decision_id, retry_after_s=_RETRY_AFTER_S)


def upstream_unreachable() -> dialects.Refusal:
    """The server behind the gateway refused or dropped the connection."""
    return dialects.Refusal("upstream_unreachable", "The inference server could not be reached.", 502)


def unavailable(code: str, decision_id: RecordId | None) -> dialects.Refusal:
    """What a permitted request is told when something it needs did not answer."""
    if code == "upstream_timeout":
        return dialects.Refusal(code, "The inference server did not answer in time.", 504)
    if code == "upstream_unreachable":
        return upstream_unreachable()
    return failed(Code.LOG_UNAVAILABLE, decision_id)


def not_found(decision_id: RecordId) -> dialects.Refusal:
    """An unknown model, or a concealed one: the same answer to the byte."""
    code = Code.MODEL_NOT_FOUND
    return dialects.Refusal(code, _MESSAGES[code], STATUSES[code], decision_id)


def no_object(decision_id: RecordId | None) -> dialects.Refusal:
    """An id that means nothing, or another's, or what a concealed model made: the same answer to the byte."""
    return dialects.Refusal(
        "object_not_found", "There is no such object, or you do not have access to it.", 404, decision_id
    )


def on_lines(told: dialects.Refusal, lines: str) -> dialects.Refusal:
    """The refusal of a batch, with the lines that name what was refused."""
    return replace(told, message=f"{told.message} Refused: line {lines}.")
