"""What the gateway writes down: decisions, repeated decisions, cuts."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from licet.decisions import Basis, Caller, Code, Decision, Permit, Request, RequestedAct, Snapshot
from licet.directives import BINDINGS
from licet.fleet import new_record_id
from licet.records import Log, Receipt, Record, RecordForm, RecordKind
from licet.terms import Disclosure, ItemId, RecordId, format_instant

_MILLISECOND = timedelta(milliseconds=1)
_AGE = "age_ms"
_MOST_FORMS = 4096
"""How many decisions are remembered, each with what is written of it; with one more all are forgotten."""


class _Known(NamedTuple):
    """A decision, the request that it was made about, and the form of the records of it."""

    decision: Decision
    request: Request
    form: RecordForm


class _Forms:
    """What is written of decisions that are remembered and so are written down again and again.

    Valid for one snapshot: with another, which policy and rows a decision rested on
    is another thing too. Decisions are told apart by identity, which costs nothing;
    they are kept here, so that no other can come to the same place.
    """

    __slots__ = ("_known", "_snapshot")

    def __init__(self) -> None:
        self._snapshot: Snapshot | None = None
        self._known: dict[int, _Known] = {}

    def find(self, decision: Decision, request: Request, snapshot: Snapshot) -> RecordForm | None:
        """The form of such a record, if it is known."""
        if snapshot is not self._snapshot:
            return None
        known = self._known.get(id(decision))
        return known.form if known is not None and known.request == request else None

    def keep(self, decision: Decision, request: Request, snapshot: Snapshot, form: RecordForm) -> RecordForm:
        """Remember a form, and give it back."""
        if snapshot is not self._snapshot or len(self._known) >= _MOST_FORMS:
            self._snapshot = snapshot
            self._known.clear()
        self._known[id(decision)] = _Known(decision, request, form)
        return form


@dataclass(frozen=True, slots=True)
class Post:
    """Makes the gateway's records and hands them to the log.

    A record names pseudonyms and ids, never a name, a document or an address.
    """

    log: Log
    gateway: str
    _forms: _Forms = field(init=False, default_factory=_Forms, repr=False, compare=False)

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
        if continues is not None:
            form = self._form(decision, request, snapshot, continues=continues)
        else:
            form = self._forms.find(decision, request, snapshot) or self._forms.keep(
                decision, request, snapshot, self._form(decision, request, snapshot)
            )
        return form.record(new_record_id(at), at, _age_ms(snapshot, at))

    def _form(
        self, decision: Decision, request: Request, snapshot: Snapshot, *, continues: RecordId | None = None
    ) -> RecordForm:
        """What a decision's record says each time: all but the age of the policy."""
        body: dict[str, Any] = {
            "outcome": decision.outcome.value,
            "until": format_instant(decision.until),
            **_request(request, snapshot),
            **_basis(decision.basis),
            **self._premises(snapshot),
        }
        if not isinstance(decision, Permit):
            body["code"] = decision.code.value
            body["grounds"] = [ground.rule for ground in decision.grounds]
        # Always there, so that its being there tells nothing.
        body["undisclosed"] = sorted(_undisclosed(decision))
        if continues is not None:
            body["continues"] = continues
        return RecordForm(RecordKind.DECISION, body, _AGE)

    def listing(self, caller: Caller, items: list[ItemId], snapshot: Snapshot, at: datetime) -> None:
        """Which items a caller was told they may use; nobody waits for this record."""
        request = Request("", RequestedAct.METADATA, caller)
        body = {"outcome": "permit", **_request(request, snapshot), "model": None, "items": items}
        body |= {**self._premises(snapshot), _AGE: _age_ms(snapshot, at)}
        self.log.post(Record(new_record_id(at), at, RecordKind.DECISION, body))

    def failure(self, code: Code, request: Request, snapshot: Snapshot, at: datetime) -> Record:
        """A decision that could not be made; the cause goes to the operator's log."""
        body = {
            "outcome": "deny",
            "code": code.value,
            **_request(request, snapshot),
            **self._premises(snapshot),
            _AGE: _age_ms(snapshot, at),
        }
        return Record(new_record_id(at), at, RecordKind.DECISION, body)

    def _premises(self, snapshot: Snapshot) -> dict[str, Any]:
        policy = {"epoch": snapshot.policy.epoch, "digest": snapshot.policy.digest, "feed": snapshot.sequence}
        return {"policy": policy, "gateway": self.gateway}

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

    def commit(self, record: Record) -> Awaitable[Receipt]:
        """Submit a record at once; who waits goes on when the log has it on disk.

        Raises:
            UnavailableError: (to who waits) it has not.
        """
        return self.log.append(record)

    def send(self, record: Record) -> None:
        """Hand over a record for which nobody waits."""
        self.log.post(record)


def _age_ms(snapshot: Snapshot, at: datetime) -> int:
    """How long before the policy was signed."""
    return max(at - snapshot.policy.issued_at, timedelta()) // _MILLISECOND


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
