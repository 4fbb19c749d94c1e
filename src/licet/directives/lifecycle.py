"""What becomes of a directive: superseded, lifted, in force or not."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from licet.directives.directive import Directive, DirectiveStatus, Form
from licet.directives.parameters import Parameters
from licet.directives.parse import from_document
from licet.errors import ConflictError
from licet.terms import format_instant


class Force(StrEnum):
    """Whether a directive binds; unknown while a court's word is unconfirmed."""

    BINDS = "binds"
    SUSPENDED = "suspended"
    UNKNOWN = "unknown"


def lift(document: Mapping[str, Any], at: datetime) -> Mapping[str, Any]:
    """The same directive, lifted at `at`.

    Raises:
        ConflictError: it ended before `at`, or never began.
    """
    directive = from_document(document)
    if directive.ends <= at:
        raise ConflictError(
            f"expected a directive in force, found that `{directive.id}` ended {format_instant(directive.ends)}"
        )
    if at <= directive.effective_at:
        raise ConflictError(
            f"expected an instant after `{directive.id}` took effect, {format_instant(directive.effective_at)}"
        )
    return {**document, "lifted_at": format_instant(at)}


def supersede(document: Mapping[str, Any], successor: Directive) -> Mapping[str, Any]:
    """The same directive, its place taken by `successor` when that takes effect.

    One agency's order does not end another's, so the issuers must be the same.

    Raises:
        ConflictError: another issuer, or it ended before, or had not begun.
    """
    directive = from_document(document)
    if directive.issuer != successor.issuer:
        raise ConflictError(
            f"expected `{successor.id}` to supersede an order of its own issuer `{successor.issuer}`, "
            f"found that `{directive.id}` is of `{directive.issuer}`"
        )
    if directive.ends <= successor.effective_at:
        raise ConflictError(
            f"expected a directive in force, found that `{directive.id}` ended {format_instant(directive.ends)}"
        )
    if successor.effective_at <= directive.effective_at:
        raise ConflictError(f"expected `{successor.id}` to take effect after `{directive.id}`")
    return {**document, "superseded_by": {"id": successor.id, "at": format_instant(successor.effective_at)}}


def force_at(directive: Directive, parameters: Parameters, at: datetime) -> Force | None:
    """Whether the directive binds at `at`; None where it is no requirement at all.

    An oral order binds on receipt or only in writing, and one nobody could
    authenticate is ignored or enforced, as counsel's parameters say.
    """
    if not directive.effective_at <= at < directive.ends:
        return None
    if directive.form is Form.ORAL and parameters.oral_notice == "on_writing":
        return None
    match directive.status:
        case DirectiveStatus.DRAFT:
            return None
        case DirectiveStatus.UNAUTHENTICATED:
            return Force.BINDS if parameters.unauthenticated_directive == "enforce" else None
        case DirectiveStatus.ENJOINED_UNCONFIRMED:
            return Force.UNKNOWN
        case DirectiveStatus.RECEIVED | DirectiveStatus.CONFIRMED:
            return Force.BINDS
