"""What the gateway writes down: decisions, repeated decisions, cuts."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from licet.decisions import Basis, Caller, Code, Decision, Permit, Request, RequestedAct, Snapshot
from licet.fleet import new_record_id
from licet.records import Log, Receipt, Record, RecordKind
from licet.terms import ItemId, RecordId, format_instant


@dataclass(frozen=True, slots=True)
class Post:
    """Makes the gateway's records and hands them to the log.

    A record names pseudonyms and ids, never a name, a document or an address.
    """

    log: Log
    gateway: str

    def decision(
        self,
        decision: Decision,
        request: Request,
        snapshot: Snapshot,
        at: datetime,
        *,
        continues: RecordId | None = None,
    ) -> Record:
        """A decision and everything it rested on.

        `continues` names the earlier decision of an answer that is still running.
        """
        body: dict[str, Any] = {
            "outcome": decision.outcome.value,
            "until": format_instant(decision.until),
            **_request(request),
            **_basis(decision.basis),
            **self._premises(snapshot),
        }
        if not isinstance(decision, Permit):
            body["code"] = decision.code.value
            body["grounds"] = [ground.rule for ground in decision.grounds]
        if continues is not None:
            body["continues"] = continues
        return Record(new_record_id(at), at, RecordKind.DECISION, body)

    def listing(self, caller: Caller, items: list[ItemId], snapshot: Snapshot, at: datetime) -> None:
        """Which items a caller was told they may use; nobody waits for this record."""
        request = Request("", RequestedAct.METADATA, caller)
        body = {"outcome": "permit", **_request(request), "model": None, "items": items, **self._premises(snapshot)}
        self.log.post(Record(new_record_id(at), at, RecordKind.DECISION, body))

    def failure(self, code: Code, request: Request, snapshot: Snapshot, at: datetime) -> Record:
        """A decision that could not be made; the cause goes to the operator's log."""
        body = {
            "outcome": "deny",
            "code": code.value,
            **_request(request),
            **self._premises(snapshot),
        }
        return Record(new_record_id(at), at, RecordKind.DECISION, body)

    def _premises(self, snapshot: Snapshot) -> dict[str, Any]:
        policy = {"epoch": snapshot.policy.epoch, "digest": snapshot.policy.digest, "feed": snapshot.sequence}
        return {"policy": policy, "gateway": self.gateway}

    def cut(self, decision: RecordId, item: str | None, code: str, at: datetime) -> None:
        """An answer that was cut; nobody waits for this record."""
        body = {"decision": decision, "item": item, "code": code, "gateway": self.gateway}
        self.log.post(Record(new_record_id(at), at, RecordKind.STREAM_CUT, body))

    async def commit(self, record: Record) -> Receipt:
        """Wait until the log has the record on disk.

        Raises:
            UnavailableError: it has not.
        """
        return await self.log.append(record)

    def send(self, record: Record) -> None:
        """Hand over a record for which nobody waits."""
        self.log.post(record)


def _request(request: Request) -> dict[str, Any]:
    caller = request.caller
    return {
        "model": request.model,
        "act": request.act.value,
        "key": caller.key,
        "party": caller.party,
        "organization": caller.organization,
        "serves": caller.serves.value if caller.serves else None,
    }


def _basis(basis: Basis) -> dict[str, Any]:
    return {
        "item": basis.item,
        "requirements": [
            {
                "requirement": judged.requirement.id,
                "record": type(judged.facts).__name__,
                "facts": judged.facts.as_value(),
                "outcome": judged.outcome.value,
                "rules": list(judged.rules),
            }
            for judged in basis.judged
        ],
        "standings": list(basis.standings),
        "licenses": list(basis.licenses),
    }
