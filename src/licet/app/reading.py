"""Records as they are told to whoever may read them, from the files or through the control API."""

from typing import Any

from licet.decisions import RowKind
from licet.directives import PolicyBundle, compile_policy
from licet.errors import InputError, NotFoundError
from licet.logwriter import LogReader, StoredRow, opened_value
from licet.parties import Organization
from licet.records import RecordKind, describe
from licet.records.redecide import redecide
from licet.stores import Store, Transaction
from licet.terms import RecordId

_UNANSWERED = ("erased", "policy_unknown")


def told_value(reader: LogReader, row: StoredRow) -> dict[str, Any]:
    """One record as JSON, told in words where it can be opened."""
    value = opened_value(reader, row)
    value["words"] = [] if value["body"] is None else list(describe(reader.open(row)))
    return value


def redecided(reader: LogReader, store: Store, record_id: str) -> dict[str, Any]:
    """A past request decided again from what was recorded, under the policy of then.

    Raises:
        InputError: the record is no decision.
        NotFoundError: there is no such record.
    """
    try:
        told = reader.open(reader.find(RecordId(record_id)))
        if told.kind is not RecordKind.DECISION:
            raise InputError(
                f"expected the record of a decision, found one of the kind `{told.kind}`", code="not_a_decision"
            )
        policy = told.body.get("policy")
        digest = str(policy.get("digest")) if isinstance(policy, dict) else ""
        with store.read() as tx:
            bundle = PolicyBundle.from_value(tx.policy(digest))
        again = redecide(told, compile_policy(bundle))
    except NotFoundError as err:
        if err.code not in _UNANSWERED:
            raise
        return {"id": record_id, "answer": err.code, "why": str(err)}
    return {
        "id": record_id,
        "answer": "agrees" if again.agrees else "differs",
        "recorded": again.recorded.value,
        "outcome": again.outcome.value,
        "by_operation": again.by_operation,
        "differing": list(again.differing),
    }


def organization_named(tx: Transaction, name: str) -> str:
    """The id of an organization that is named by its id or its enrolled name; what is neither is taken for an id."""
    rows = [row for row in tx.every(RowKind.ORGANIZATION) if isinstance(row, Organization)]
    return next((row.id for row in rows if row.name == name and name not in {each.id for each in rows}), name)
