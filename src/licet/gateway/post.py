"""What the gateway writes down: decisions, repeated decisions, cuts."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from licet.decisions import Basis, Caller, Code, Decision, Permit, Request, RequestedAct, Snapshot
from licet.directives import BINDINGS
from licet.fleet import new_record_id
from licet.records import Log, Receipt, Record, RecordKind
from licet.terms import Disclosure, ItemId, RecordId, format_instant

_MILLISECOND = timedelta(milliseconds=1)


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
            **_request(request, snapshot),
            **_basis(decision.basis),
            **self._premises(snapshot, at),
        }
        if not isinstance(decision, Permit):
            body["code"] = decision.code.value
            body["grounds"] = [ground.rule for ground in decision.grounds]
        # Always there, so that its being there tells nothing.
        body["undisclosed"] = sorted(_undisclosed(decision))
        if continues is not None:
            body["continues"] = continues
        return Record(new_record_id(at), at, RecordKind.DECISION, body)

    def listing(self, caller: Caller, items: list[ItemId], snapshot: Snapshot, at: datetime) -> None:
        """Which items a caller was told they may use; nobody waits for this record."""
        request = Request("", RequestedAct.METADATA, caller)
        body = {"outcome": "permit", **_request(request, snapshot), "model": None, "items": items}
        body |= self._premises(snapshot, at)
        self.log.post(Record(new_record_id(at), at, RecordKind.DECISION, body))

    def failure(self, code: Code, request: Request, snapshot: Snapshot, at: datetime) -> Record:
        """A decision that could not be made; the cause goes to the operator's log."""
        body = {
            "outcome": "deny",
            "code": code.value,
            **_request(request, snapshot),
            **self._premises(snapshot, at),
        }
        return Record(new_record_id(at), at, RecordKind.DECISION, body)

    def _premises(self, snapshot: Snapshot, at: datetime) -> dict[str, Any]:
        policy = {"epoch": snapshot.policy.epoch, "digest": snapshot.policy.digest, "feed": snapshot.sequence}
        age = max(at - snapshot.policy.issued_at, timedelta())
        return {"policy": policy, "age_ms": age // _MILLISECOND, "gateway": self.gateway}

    def cut(
        self,
        decision: RecordId,
        item: str | None,
        code: str,
        at: datetime,
        *,
        party: str | None = None,
        organization: str | None = None,
    ) -> None:
        """An answer that was cut, and whose it was; nobody waits for this record."""
        body = {"decision": decision, "item": item, "code": code, "gateway": self.gateway}
        body |= {"party": party, "organization": organization}
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


def _request(request: Request, snapshot: Snapshot) -> dict[str, Any]:
    """Who asked for what. A person's organization, and its country, are those enrolled at the time."""
    caller = request.caller
    party = None if caller.party is None else snapshot.parties.get(caller.party)
    organization_id = caller.organization if party is None else party.organization
    organization = None if organization_id is None else snapshot.organizations.get(organization_id)
    return {
        "model": request.model,
        "act": request.act.value,
        "key": caller.key,
        "party": caller.party,
        "organization": organization_id,
        "country": None if organization is None else organization.organized_under,
        "serves": caller.serves.value if caller.serves else None,
        **_manner(caller),
    }


def _manner(caller: Caller) -> dict[str, Any]:
    """How the caller called, where it was not with a bearer's key of this gateway from an unknown place.

    The place is told with what it rests on: an address, which a relay can lend to anybody.
    """
    manner: dict[str, Any] = {}
    if caller.binding != BINDINGS[0]:
        manner["binding"] = caller.binding
    if caller.issuer is not None:
        manner["token_issuer"] = caller.issuer
    if caller.place is not None:
        manner["place"] = {"country": caller.place, "by": "address", "strength": "weak"}
    return manner


def _undisclosed(decision: Decision) -> set[str]:
    """Rules whose very name would tell a caller what is counsel's alone; their receipt must not show them."""
    grounds = () if isinstance(decision, Permit) else decision.grounds
    hidden = {ground.rule for ground in grounds if ground.disclosure is Disclosure.COUNSEL}
    for judged in decision.basis.judged:
        rules = judged.requirement.rules
        hidden |= {rule for rule in judged.rules if rules[rule].disclosure is Disclosure.COUNSEL}
    return hidden


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
