"""Somebody refused is served by each of the ways, with the same key they were refused with."""

from collections.abc import Iterator
from contextlib import ExitStack, closing
from datetime import timedelta

from licet.demo.callers import LIBRARIES, Caller
from licet.demo.report import Check, expect
from licet.demo.scene import APPROVER, PROPOSER
from licet.demo.stage import FABLE, SERVED, Stage
from licet.demo.vouchers import CLIENT, PROVIDER, TEMPLATE
from licet.terms import format_instant

CLERK, MEMBER, FREELANCER, APPLICANT = "clerk", "member", "freelancer", "applicant"
"""Who comes by a workforce file, an identity provider, a verification vendor, and a reviewer."""

_PICTURE = b"\x89PNG\r\n\x1a\nA stand-in for a picture of a document, by licet demo."
_SEEN = {
    "status_document": "legible,unaltered,authority,in_force,shows_status,one_person",
    "holder_photograph": "code,with_document,likeness,unaltered",
}
"""What is handed in, and what a reviewer has to see to."""


def served_by_each_way(stage: Stage) -> Iterator[Check]:
    """Four of whom nothing is known, and the four ways beside a signed statement."""
    with ExitStack() as stack:
        callers = stage.each(lambda name: _enrolled(stage, name), _WAYS)
        for caller in callers:
            stack.enter_context(closing(caller.library))
        yield expect(
            "four more of whom nothing is known",
            dict.fromkeys(_WAYS, "needs_evidence"),
            {caller.name: _word(caller) for caller in callers},
        )
        yield from stage.each(lambda caller: _WAYS[caller.name](stage, caller), callers)


def _enrolled(stage: Stage, name: str) -> Caller:
    of = ["--organization", "acme-corp"] if name == CLERK else []
    stage.scene.licet("party", "add", name, *of)
    key = str(stage.scene.licet("key", "issue", "--party", name)["result"]["key"])
    return Caller(name, key, LIBRARIES["openai"](stage.scene.gateway, key))


def _word(caller: Caller) -> str:
    refused = caller.ask(FABLE)
    return SERVED if refused is None else refused.word


def _audience(stage: Stage, caller: Caller) -> str:
    return str(stage.scene.post("/licet/nonce", caller.key, {})["audience"])


def _by_a_workforce_file(stage: Stage, caller: Caller) -> Check:
    """Their organization attests all its people in one file."""
    scene = stage.scene
    table, signed = scene.directory / "people.csv", scene.directory / "people.jws"
    table.write_text(f"id,status\n{caller.name},not_foreign_person\n", encoding="utf-8")
    whose = ["--key", stage.private_key("acme-corp"), "--issuer", "acme-corp", "--audience", _audience(stage, caller)]
    scene.licet("attest", "workforce", "--csv", table, "--out", signed, *whose)
    scene.agreed("workforce", "take", signed)
    return expect(
        f"their organization: licet attest workforce --csv; {PROPOSER}: licet workforce take; {APPROVER} approves; "
        "the same key asks again",
        {caller.name: SERVED},
        {caller.name: _word(caller)},
    )


def _by_an_identity_provider(stage: Stage, caller: Caller) -> Check:
    """A provider that is believed, and an access token of it."""
    scene, audience = stage.scene, _audience(stage, caller)
    of = ["--url", PROVIDER, "--jwks-url", f"{PROVIDER}/keys", "--audience", audience, "--client", CLIENT]
    believed = ["--algorithm", "ES256", "--accept", "nist_800_63A:ial2", "--status-claim", "us_person=true"]
    scene.agreed("evidence-issuer", "add", "idp", *of, *believed, "--country", "US")
    token = scene.directory / "member.jwt"
    token.write_text(scene.vouchers.token(caller.name, audience), encoding="ascii")
    kind = ["--kind", "oidc_verified_claims", "--gateway", scene.gateway]
    scene.licet("evidence", "submit", token, *kind, LICET_API_KEY=caller.key)
    return expect(
        f"{PROPOSER}: licet evidence-issuer add idp; {APPROVER} approves; a token of that provider (a stand-in): licet "
        "evidence submit --kind oidc_verified_claims; the same key asks again",
        {caller.name: SERVED},
        {caller.name: _word(caller)},
    )


def _by_a_vendor(stage: Stage, caller: Caller) -> Check:
    """A vendor that is believed, and its signed event."""
    scene = stage.scene
    scene.agreed("vendor", "add-persona", "persona", "--template", TEMPLATE, "--approved", "not_foreign_person")
    reference = scene.post("/licet/vendors/persona/reference", caller.key, {})["reference"]
    event = scene.vouchers.approve(scene.gateway, reference)
    return expect(
        f"{PROPOSER}: licet vendor add-persona persona; {APPROVER} approves; that vendor (a stand-in) calls back with "
        "a signed event; the same key asks again",
        {"event": "accepted", caller.name: SERVED},
        {"event": event, caller.name: _word(caller)},
    )


def _by_a_reviewer(stage: Stage, caller: Caller) -> Check:
    """Two reviewers look at what the person hands in, and nobody keeps it."""
    scene = stage.scene
    scene.post("/licet/review", caller.key, b"")
    for kind in _SEEN:
        scene.post(f"/licet/review/documents?kind={kind}", caller.key, _PICTURE)
    (waiting,) = scene.licet("review", "list")
    review = waiting["id"]
    scene.licet("review", "take", review)
    documents = {one["document"]: one["kind"] for one in scene.licet("review", "show", review)["documents"]}
    for document in documents:
        scene.licet("review", "open", review, document)
    seen = [word for document, kind in documents.items() for word in ("--seen", f"{document}={_SEEN[kind]}")]
    until = format_instant((scene.now() + timedelta(days=90)).replace(microsecond=0))
    accepted = ["--status", "not_foreign_person", "--until", until, *seen]
    pending = scene.licet("review", "accept", review, *accepted)["pending"]["id"]
    for document in documents:
        scene.licet("review", "open", review, document, LICET_ADMINISTRATOR=APPROVER)
    scene.licet("pending", "approve", pending, LICET_ADMINISTRATOR=APPROVER)
    sealed = scene.instance / "reviews" / "sealed"
    return expect(
        f"they hand in two documents; {PROPOSER}: licet review take, open, accept; {APPROVER}: licet review open, "
        "approves; the same key asks again; documents that are left",
        {caller.name: SERVED, "documents": 0},
        {caller.name: _word(caller), "documents": sum(1 for one in sealed.rglob("*") if one.is_file())},
    )


_WAYS = {
    CLERK: _by_a_workforce_file,
    MEMBER: _by_an_identity_provider,
    FREELANCER: _by_a_vendor,
    APPLICANT: _by_a_reviewer,
}
