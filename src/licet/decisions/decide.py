"""Decide whether one release of an item is permitted.

The policy decision point of NIST SP 800-162. Pure: no clock, network or storage.
The answer depends on the arguments alone, so a recorded decision can be replayed
years later and must come out the same.

The steps are those of the procedure in docs/decision.md:

    0     a policy too old, or rows known to be missing
    1     which item is meant; a router is held to what it may choose
    2-8   every requirement gathered, each judged by itself over closed facts
    9     the verdicts joined, by precedence
"""

from collections.abc import Iterator
from datetime import datetime

from msgspec.structs import replace

from licet.decisions.decision import Basis, Code, Decision, Ground, Permit, Refusal, Remedy, RemedyKind
from licet.decisions.explain import explained
from licet.decisions.gather import gather, names_of
from licet.decisions.judge import join, judge
from licet.decisions.request import Request, RequestedAct
from licet.decisions.scene import Scene
from licet.decisions.snapshot import Snapshot
from licet.decisions.stage import set_scene
from licet.directives import BINDINGS, Policy, bindings_of, force_at
from licet.items import Item, Kinship, Model
from licet.terms import FOREVER, ItemId, Outcome, require_aware

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
    item = snapshot.catalogue.resolve(request.model, request.base)
    if item is None:
        if snapshot.catalogue.decoy is not None:
            _decide_on(snapshot.catalogue.decoy, request, snapshot, at)  # not to be told from a concealed one by time
        return _unknown_item(snapshot.policy)
    decision = _decide_on(item, request, snapshot, at)
    if item.concealed and isinstance(decision, Refusal):
        return replace(decision, code=Code.MODEL_NOT_FOUND)
    return decision


def _decide_on(item: Item, request: Request, snapshot: Snapshot, at: datetime) -> Decision:
    if item.candidates:
        return _decide_router(item, request, snapshot, at)
    return _decide_one(item, request, snapshot, at)


def _decide_router(router: Item, request: Request, snapshot: Snapshot, at: datetime) -> Decision:
    """A router of the catalogue is decided on itself and on all that it may choose.

    Nobody sees beforehand what it chooses, so one candidate that is refused refuses it,
    unless the request holds it to others.
    """
    names = [name for name in router.candidates if not request.among or name in request.among]
    chosen = [snapshot.catalogue.resolve(name) for name in names]
    decisions = [_decide_one(router, request, snapshot, at)]
    for one in chosen:
        decision = (
            _unknown_item(snapshot.policy) if one is None or one.candidates else _decide_one(one, request, snapshot, at)
        )
        if isinstance(decision, Refusal) and (one is None or one.concealed):
            decision = replace(decision, code=Code.MODEL_NOT_FOUND)
        decisions.append(decision)
    worst = max(decisions, key=lambda one: (one.outcome.weight, getattr(one, "code", "") == Code.MODEL_NOT_FOUND))
    basis = Basis(
        router.id,
        tuple(judged for one in decisions for judged in one.basis.judged),
        tuple(dict.fromkeys(name for one in decisions for name in one.basis.standings)),
        tuple(dict.fromkeys(name for one in decisions for name in one.basis.licenses)),
    )
    until = min(one.until for one in decisions)
    if isinstance(worst, Permit):
        return Permit(until, restricted=any(isinstance(x, Permit) and x.restricted for x in decisions), basis=basis)
    return replace(worst, until=until, basis=basis)


def _decide_one(item: Item, request: Request, snapshot: Snapshot, at: datetime) -> Decision:
    if item.id in snapshot.stops or item.base in snapshot.stops:
        return _stopped(item)
    stale = not snapshot.current or at >= snapshot.policy.fresh_until
    decision = answer(set_scene(item, request, snapshot), snapshot.policy, at, stale=stale, item=item.id)
    if isinstance(decision, Permit) and decision.restricted and _is_loose(request.binding, item.id, snapshot.policy):
        return _loosely_bound(decision)
    return decision


def answer(scene: Scene, policy: Policy, at: datetime, *, stale: bool = False, item: ItemId | None = None) -> Decision:
    """Answer one scene, whoever set it.

    Args:
        scene: Everything known about the request.
        policy: The compiled policy.
        at: The instant of decision, with a UTC offset.
        stale: Whether the policy is too old to rely on.
        item: The item of the catalogue that is asked for, for the record.

    Raises:
        NaiveInstantError: `at` has no UTC offset.
    """
    require_aware(at)
    if scene.model.kinship is Kinship.UNKNOWN:
        return _unknown_item(policy)
    if scene.model.kinship is Kinship.ROUTER:
        return _route(scene, policy, at, stale=stale)
    if stale and _held_back(scene, policy):
        return _stale(item)
    gathered = gather(scene, policy, at)
    if not gathered.requirements:
        return Permit(gathered.lapse, restricted=False, basis=Basis(item))
    judged = tuple(judge(rules, facts) for rules, facts in gathered.requirements)
    basis = Basis(item, judged, gathered.standings, gathered.licenses)
    outcome = join(verdict.outcome for verdict in judged)
    if outcome is Outcome.PERMIT:
        return Permit(gathered.lapse, restricted=True, basis=basis)
    obstacles = tuple(verdict for verdict in judged if verdict.outcome is not Outcome.PERMIT)
    nobody = scene.person is not None and scene.person.holder is None and scene.body is not None
    grounds, remedies = explained(obstacles, one_of_many=nobody)
    return Refusal(outcome, _CODES[outcome], grounds, remedies, gathered.lapse, basis)


def usable_items(request: Request, snapshot: Snapshot, at: datetime) -> Iterator[Item]:
    """The items whose inference this caller is permitted now; what a model list may show."""
    for item in snapshot.catalogue:
        asked = Request(item.id, RequestedAct.INFERENCE, request.caller)
        if isinstance(decide(asked, snapshot, at), Permit):
            yield item


def _route(scene: Scene, policy: Policy, at: datetime, *, stale: bool) -> Decision:
    """A router is held to its candidates that no directive in force restricts for anyone.

    If all are restricted it is decided on those, and the best answer holds it to
    that candidate.
    """
    candidates = [replace(scene, model=Model(frozenset({name}))) for name in scene.model.candidates]
    if not candidates:
        return _unknown_item(policy)
    free = [one for one in candidates if not _in_force(one, policy, at)]
    answers = [answer(one, policy, at, stale=stale) for one in free or candidates]
    best = min(answers, key=lambda decision: decision.outcome.weight)
    # Which candidates are free may change with any directive that names one of them.
    named = [x.directive for one in candidates for x in policy.on(names_of(one.model, policy.parameters).surely)]
    boundaries = [best.until, *(end for directive in named for end in (directive.effective_at, directive.ends))]
    return replace(best, until=min(boundary for boundary in boundaries if boundary > at))


def _in_force(scene: Scene, policy: Policy, at: datetime) -> bool:
    directives = policy.on(names_of(scene.model, policy.parameters).surely)
    return any(force_at(x.directive, policy.parameters, at) is not None for x in directives)


def _is_loose(binding: str, item: ItemId, policy: Policy) -> bool:
    every, own = bindings_of(policy.parameters.min_binding)
    return BINDINGS.index(binding) < BINDINGS.index(own.get(item, every))


def _loosely_bound(permit: Permit) -> Refusal:
    """A key that anybody could use says less about who uses it than counsel asks for."""
    ground = Ground("licet/binding", RULE_PAGE, "This model needs a key that only its holder can use.")
    bound = Remedy(RemedyKind.BOUND_KEY, "Use a token bound to a key of your own (RFC 9449 or RFC 8705).")
    return Refusal(Outcome.NEEDS_EVIDENCE, Code.VERIFICATION_REQUIRED, (ground,), (bound,), permit.until, permit.basis)


def _unknown_item(policy: Policy) -> Refusal:
    ground = Ground("licet/unknown-item", RULE_PAGE, "This model does not exist or is not available to you.")
    return Refusal(Outcome.DENY, Code.MODEL_NOT_FOUND, (ground,), (), policy.fresh_until, Basis(None))


def _stopped(item: Item) -> Refusal:
    ground = Ground("licet/stopped-item", RULE_PAGE, "The operator has taken this model offline for everybody.")
    wait = Remedy(RemedyKind.WAIT, "Nothing you could supply changes this; the operator must bring the model back.")
    return Refusal(Outcome.DENY, Code.ITEM_STOPPED, (ground,), (wait,), FOREVER, Basis(item.id))


def _held_back(scene: Scene, policy: Policy) -> bool:
    """Whether a stale policy holds this item back; what it does not is decided as ever, bars included."""
    restricted = not policy.restricted.isdisjoint(names_of(scene.model, policy.parameters).every())
    return restricted or policy.parameters.stale_policy == "deny"


def _stale(item: ItemId | None) -> Refusal:
    ground = Ground(
        "licet/stale-policy", RULE_PAGE, "The rules at hand are too old to rely on, so nothing under them is released."
    )
    wait = Remedy(RemedyKind.WAIT, "Try again shortly; the operator's control plane must renew the rules.")
    return Refusal(Outcome.DENY, Code.POLICY_STALE, (ground,), (wait,), FOREVER, Basis(item))
