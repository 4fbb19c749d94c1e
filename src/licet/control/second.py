"""The word of a second person: whether it counts, asked of the store in the transaction that changes it."""

from datetime import datetime

from licet.control.act import Act, Approval, digest_of
from licet.control.mandates import require_mandate
from licet.errors import ConflictError, NotFoundError, PermissionDeniedError
from licet.stores import Administrator, PendingAct, PendingState, Transaction
from licet.terms import format_instant


def require_agreement(tx: Transaction, act: Act, at: datetime) -> None:
    """Refuse an act that takes two where only one has agreed; else use the agreement up.

    Raises:
        ConflictError: nobody has agreed, or what they agreed to is past or something else.
        PermissionDeniedError: who has agreed may not.
    """
    if act.approval is not None:
        require_approval(tx, act, act.approval, at)
        settle(tx, act.approval, at)
    elif act.takes_two and not tx.single_person:
        raise ConflictError(f"expected two persons to agree to `{act.name}`, found one", code="two_persons_needed")


def require_approval(tx: Transaction, act: Act, approval: Approval, at: datetime) -> None:
    """Refuse an approval that does not count.

    Raises:
        ConflictError: the proposal was decided on, has expired, was altered, means
            something else now, or whoever made it is gone.
        PermissionDeniedError: it is the approver's own, or not for somebody of their roles.
    """
    pending = tx.people.pending(approval.pending)
    require_open(pending, at)
    require_other(pending, approval.by)
    proposer = _proposer(tx, pending)
    for who in (proposer, tx.people.get(approval.by)):
        require_mandate(who, pending.act)
    if pending.digest != digest_of(pending.act, pending.arguments, pending.meaning, pending.proposed_by):
        raise ConflictError(f"the proposal `{pending.id}` is not as it was made", code="proposal_altered")
    if (act.name, act.by, act.meaning) != (pending.act, pending.proposed_by, dict(pending.meaning)):
        raise ConflictError(
            f"what `{pending.id}` builds on has changed since: it would mean something else now; propose it again",
            code="overtaken",
        )


def settle(tx: Transaction, approval: Approval, at: datetime) -> None:
    """Write down that the proposal was approved."""
    tx.people.decide(approval.pending, PendingState.APPROVED, approval.by, at)


def require_open(pending: PendingAct, at: datetime) -> None:
    """Refuse a proposal that was decided on or has expired; at the instant of expiry it has.

    Raises:
        ConflictError: it is not open.
    """
    if pending.state is PendingState.EXPIRED or (pending.state is PendingState.PENDING and at >= pending.expires_at):
        raise ConflictError(
            f"the proposal `{pending.id}` expired at {format_instant(pending.expires_at)}", code="proposal_expired"
        )
    if pending.state is not PendingState.PENDING:
        raise ConflictError(
            f"expected an open proposal, found that `{pending.id}` is {pending.state}", code="already_decided"
        )


def require_other(pending: PendingAct, name: str) -> None:
    """Refuse that somebody approves what they have proposed.

    Raises:
        PermissionDeniedError: they would.
    """
    if name == pending.proposed_by:
        raise PermissionDeniedError("expected another person than the one who proposed it", code="own_act")


def _proposer(tx: Transaction, pending: PendingAct) -> Administrator:
    try:
        return tx.people.get(pending.proposed_by)
    except NotFoundError as err:
        raise ConflictError(
            f"`{pending.proposed_by}`, who proposed it, is no administrator any more", code="proposer_removed"
        ) from err
