"""A record in sentences, for whoever must read a past decision without knowing licet."""

from collections.abc import Iterator, Mapping
from typing import Any

from licet.records.record import Record, RecordKind
from licet.terms import format_instant

SINGLE_PERSON = (
    "This instance is in single-person mode: one administrator may loosen alone, and nobody checks it first."
)
"""What every page, export and answer of such an instance says."""

_ANSWERS = {
    "permit": "was permitted",
    "needs_evidence": "was refused until more is known of the caller",
    "license_required": "was refused for want of a license",
    "deny": "was refused",
}


def describe(record: Record) -> tuple[str, ...]:
    """What happened, sentence by sentence."""
    body = record.body
    match record.kind:
        case RecordKind.DECISION:
            return tuple(_decision(record, body))
        case RecordKind.STREAM_CUT:
            cut = f"At {format_instant(record.at)} the answer that the decision {body.get('decision')} had permitted"
            return (f"{cut} was ended: {body.get('code')}.",)
        case RecordKind.STARTUP:
            return (f"At {format_instant(record.at)} the instance {body.get('gateway')} began to serve.",)
        case RecordKind.ADMINISTRATIVE | RecordKind.EVIDENCE:
            return tuple(_act(record, body))


def _decision(record: Record, body: Mapping[str, Any]) -> Iterator[str]:
    asked = f"`{body.get('model')}`" if body.get("model") else "the list of models"
    item = f", which is the item {body['item']}," if body.get("item") else ""
    answer = _ANSWERS.get(str(body.get("outcome")), "was answered in a way that this version does not know")
    yield f"At {format_instant(record.at)} {_caller(body)} asked for {asked}{item} and it {answer}."
    place = body.get("place")
    if isinstance(place, dict):
        yield f"Their address was one of {place.get('country')}, which is weak evidence of where they were."
    if body.get("continues"):
        yield f"It continues the decision {body['continues']}, whose answer was still running."
    requirements = body.get("requirements") or []
    for each in requirements:
        facts = ", ".join(f"{name} {value}" for name, value in each["facts"].items())
        rules = ", ".join(each["rules"]) or "no rule"
        yield f"Under {each['requirement']}: {each['outcome']}, by {rules}, because: {facts}."
    if not requirements:
        yield "No requirement was judged."
    if body.get("grounds"):
        yield f"The grounds of the refusal: {', '.join(body['grounds'])}."
    for name, word in (("standings", "evidence"), ("licenses", "licenses")):
        if body.get(name):
            yield f"It relied on the {word} {', '.join(body[name])}."
    policy = body.get("policy") or {}
    age = f", signed {body['age_ms'] / 1000:.1f} s before" if isinstance(body.get("age_ms"), int) else ""
    yield (
        f"The policy was epoch {policy.get('epoch')}, digest {policy.get('digest')}{age}; "
        f"rows up to {policy.get('feed')} were known."
    )
    if body.get("until"):
        yield f"By itself the answer could change at {body['until']}."


def _caller(body: Mapping[str, Any]) -> str:
    if body.get("party"):
        of = f" of {body['organization']}" if body.get("organization") else ""
        return f"the person {body['party']}{of}"
    return f"a key of the organization {body.get('organization')} that serves {body.get('serves')}"


def _act(record: Record, body: Mapping[str, Any]) -> Iterator[str]:
    yield f"At {format_instant(record.at)} {body.get('by')} did: {body.get('act')}; its effect: {body.get('effect')}."
    if body.get("proposed"):
        yield f"It is about the proposal {body.get('proposal')}, to do: {body['proposed']}."
    if body.get("approved_by"):
        yield f"It was proposed as {body.get('proposal')}, and {body['approved_by']} approved it."
    if body.get("single_person"):
        yield SINGLE_PERSON
    if body.get("act") == "record.read":
        yield f"It found {body.get('results')}."
    if body.get("reason"):
        yield f"The reason given: {body['reason']}"
    proof = body.get("proof")
    if isinstance(proof, dict) and proof.get("broken"):
        yield f"The policy was tried first, and these invariants did not hold: {', '.join(proof['broken'])}."
        yield f"It took effect all the same: {body.get('despite_proof') or 'they did not hold before either'}"
    elif isinstance(proof, dict):
        yield f"The policy was proved first: {proof.get('invariants')} invariants held."
