"""Decide whether one release of an item is permitted.

The policy decision point of NIST SP 800-162. Pure: no clock, network or storage.
The answer depends on the arguments alone, so a recorded decision can be replayed
years later and must come out the same.

    0  a policy too old, or rows known to be missing
    1  which item is meant
    2  an operator's stop
    3  an act that is no controlled act
    4  every requirement, judged one at a time, and joined
"""

from collections.abc import Iterator
from datetime import datetime

from licet.decisions.decision import Basis, Code, Decision, Ground, Permit, Refusal, Remedy, RemedyKind
from licet.decisions.explain import grounds_of, remedies_of
from licet.decisions.gather import gather
from licet.decisions.judge import join, judge
from licet.decisions.request import Request, RequestedAct
from licet.decisions.snapshot import Snapshot
from licet.items import Item
from licet.terms import FOREVER, Outcome, require_aware

RULE_PAGE = "licet: operational rules"
_CODES = {
    Outcome.NEEDS_EVIDENCE: Code.VERIFICATION_REQUIRED,
    Outcome.LICENSE_REQUIRED: Code.LICENSE_REQUIRED,
    Outcome.DENY: Code.EXPORT_CONTROL_DENIED,
}


def decide(request: Request, snapshot: Snapshot, at: datetime) -> Decision:
    """Answer one request, under one snapshot, at one instant.

    What is not established is not assumed: an unknown model, an unknown person and
    a stale policy refuse. Items that no directive ever named are served through a
    stale policy unless counsel's parameter `stale_policy` says otherwise.

    Args:
        request: The model asked for, the act, and who asks.
        snapshot: The policy and the rows.
        at: The instant of decision, with a UTC offset.

    Returns:
        A Permit that lapses with the earliest premise it rests on, or a Refusal
        that lists every obstacle, not only the first.

    Raises:
        NaiveInstantError: `at` has no UTC offset.
    """
    require_aware(at)
    item = snapshot.catalogue.resolve(request.model)
    if item is None:
        return _unknown_item(snapshot)
    if item.id in snapshot.stops:
        return _stopped(item)
    if request.act is RequestedAct.METADATA:
        return Permit(FOREVER, restricted=False, basis=Basis(item.id))
    if not snapshot.current or at >= snapshot.policy.fresh_until:
        return _stale(item, snapshot)

    gathered = gather(item, request.caller, snapshot, at)
    judged = tuple(judge(compiled, facts) for compiled, facts in gathered.requirements)
    basis = Basis(item.id, judged, gathered.standings, gathered.licenses)
    outcome = join(verdict.outcome for verdict in judged)
    if outcome is Outcome.PERMIT:
        return Permit(gathered.lapse, restricted=bool(judged), basis=basis)
    obstacles = tuple(verdict for verdict in judged if verdict.outcome is not Outcome.PERMIT)
    return Refusal(
        outcome,
        _CODES[outcome],
        grounds_of(obstacles, snapshot.policy),
        remedies_of(obstacles, request.caller),
        gathered.lapse,
        basis,
    )


def usable_items(request: Request, snapshot: Snapshot, at: datetime) -> Iterator[Item]:
    """The items whose inference this caller is permitted now; what a model list may show."""
    for item in snapshot.catalogue:
        asked = Request(item.id, RequestedAct.INFERENCE, request.caller)
        if isinstance(decide(asked, snapshot, at), Permit):
            yield item


def _unknown_item(snapshot: Snapshot) -> Refusal:
    ground = Ground("licet/unknown-item", RULE_PAGE, "This model does not exist or is not available to you.")
    return Refusal(Outcome.DENY, Code.MODEL_NOT_FOUND, (ground,), (), snapshot.policy.fresh_until, Basis(None))


def _stopped(item: Item) -> Refusal:
    ground = Ground("licet/stopped-item", RULE_PAGE, "The operator has taken this model offline for everybody.")
    wait = Remedy(RemedyKind.WAIT, "Nothing you could supply changes this; the operator must bring the model back.")
    return Refusal(Outcome.DENY, Code.ITEM_STOPPED, (ground,), (wait,), FOREVER, Basis(item.id))


def _stale(item: Item, snapshot: Snapshot) -> Decision:
    restricted = item.id in snapshot.policy.restricted
    if not restricted and snapshot.policy.parameters.stale_policy == "serve_unrestricted":
        return Permit(FOREVER, restricted=False, basis=Basis(item.id))
    ground = Ground(
        "licet/stale-policy", RULE_PAGE, "The rules at hand are too old to rely on, so nothing under them is released."
    )
    wait = Remedy(RemedyKind.WAIT, "Try again shortly; the operator's control plane must renew the rules.")
    return Refusal(Outcome.DENY, Code.POLICY_STALE, (ground,), (wait,), FOREVER, Basis(item.id))
