"""The eight steps of the main job, each a sequence of checks.

Each is a generator: it acts, then yields what it expected and what happened. The
walk ends at the first expectation that does not hold.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeAlias

from licet.demo.audit import step_8
from licet.demo.callers import Stream
from licet.demo.report import Check, expect
from licet.demo.scene import APPROVER, PROPOSER
from licet.demo.stage import FABLE, MODELS, MYTHOS, NOT_FOREIGN, OLDER, PEOPLE, SERVED, Stage, column, in_short
from licet.demo.ways import served_by_each_way
from licet.terms import format_instant

Step: TypeAlias = Callable[[Stage], Iterator[Check]]

_LICENSE_S = 5.0
_AT_ONCE_S = 1.0


@dataclass(frozen=True, slots=True)
class Act:
    """A step of the walk, with its number and title."""

    number: int
    title: str
    play: Step


def set_the_stage(stage: Stage) -> Iterator[Check]:
    """Enroll everybody through the command line."""
    stage.set_up()
    status = stage.scene.licet("status")
    happened = {row["id"]: row["state"] for row in status["items"]}
    yield expect(
        f"licet init --administrator {PROPOSER} --administrator {APPROVER}, serve; items and organizations, which one "
        "adds and the other approves; party add, key issue; five people present attestations",
        dict.fromkeys(MODELS, "on"),
        dict(sorted(happened.items())),
    )


def step_1(stage: Stage) -> Iterator[Check]:
    """No directive: everybody is served."""
    stage.at_first = stage.matrix()
    everybody = {f"{name} {model}": SERVED for name, model in stage.at_first}
    happened = {f"{name} {model}": word for (name, model), word in stage.at_first.items()}
    yield _compare(
        "6 callers ask for 3 models through the openai, anthropic and google-genai libraries", everybody, happened
    )


def step_2(stage: Stage) -> Iterator[Check]:
    """A stop is for all, at once, and is taken back."""
    opened = [stage.stream(name, MYTHOS, pieces=400) for name in ("citizen", "resident", "listed")]
    beside = stage.stream("refugee", FABLE, pieces=40)
    stage.cuts[2] = opened
    yield _all_begun([*opened, beside])
    typed = stage.scene.now()
    stage.scene.licet("stop", MYTHOS)
    stage.each(Stream.wait_end, opened)
    yield _compare(
        f"licet stop {MYTHOS}, with a stream of each library open",
        dict.fromkeys(map(_label, opened), "cut: item_stopped"),
        _words(opened),
    )
    yield _soon("from typing the command to the end of the last of these streams", typed, opened)
    yield _compare(
        f"everybody asks for {MYTHOS}",
        dict.fromkeys(stage.callers, "item_stopped"),
        {name: stage.ask(name, MYTHOS) for name in stage.callers},
    )
    beside.wait_end()
    yield _compare(f"a stream of {FABLE} was open meanwhile", {_label(beside): "whole"}, _words([beside]))
    yield from _resume_by_two(stage)


def _resume_by_two(stage: Stage) -> Iterator[Check]:
    """One may tighten; two must loosen."""
    proposal = stage.scene.licet("resume", MYTHOS)["pending"]["id"]
    alone = stage.scene.try_licet("pending", "approve", proposal)
    yield expect(
        f"{PROPOSER}: licet resume {MYTHOS}; and {PROPOSER} again: licet pending approve",
        ["own_act", "item_stopped"],
        [(alone.error or {}).get("code"), stage.ask("citizen", MYTHOS)],
    )
    stage.scene.licet("pending", "approve", proposal, LICET_ADMINISTRATOR=APPROVER)
    yield _compare(
        f"{APPROVER}: licet pending approve; everybody asks for {MYTHOS} again",
        column(stage.at_first, MYTHOS),
        column(stage.matrix(), MYTHOS),
    )


def step_3(stage: Stage) -> Iterator[Check]:
    """A directive cuts whom it reaches, in the middle of a stream, and nobody else."""
    file = stage.scene.directive_of_today("2026-06-12.yaml")
    checked = stage.scene.licet("directive", "check", file)
    yield expect(
        "licet directive check 2026-06-12.yaml (instants of the copy moved to now)",
        {"reconstruction": True, "items": [FABLE, MYTHOS], "against the catalogue": True},
        {
            "reconstruction": checked["reconstruction"],
            "items": checked["items"],
            "against the catalogue": checked["checked_against_catalogue"],
        },
    )
    barred = [stage.stream(*pair, pieces=400) for pair in (("foreign", FABLE), ("listed", MYTHOS), ("newcomer", FABLE))]
    lawful = [stage.stream(*pair, pieces=60) for pair in zip(NOT_FOREIGN, (FABLE, MYTHOS, FABLE), strict=True)]
    lawful.append(stage.stream("foreign", OLDER, pieces=60))
    stage.cuts[3] = barred
    yield _all_begun([*barred, *lawful])
    typed = stage.scene.now()
    stage.scene.licet("directive", "activate", file)
    stage.each(Stream.wait_end, barred)
    yield _compare(
        "licet directive activate 2026-06-12.yaml while seven streams run",
        dict(zip(map(_label, barred), ("cut: license_required",) * 2 + ("cut: verification_required",), strict=True)),
        _words(barred),
    )
    yield expect(
        "what the libraries raised in the middle of these streams",
        ["openai.APIError", "google.ClientError", "anthropic.APIStatusError"],
        [stream.refused.raised if stream.refused else "nothing" for stream in barred],
    )
    yield _soon("from typing the command to the end of the last of these streams", typed, barred)
    stage.each(Stream.wait_end, lawful)
    yield expect(
        "the streams that are still permitted run on",
        {_label(stream): "whole, 60 pieces" for stream in lawful},
        {_label(stream): f"{stream.word}, {stream.pieces} pieces" for stream in lawful},
    )


def step_4(stage: Stage) -> Iterator[Check]:
    """Who may, may; the others learn why not and what would change it."""
    matrix = stage.matrix()
    for model in (FABLE, MYTHOS):
        expected = dict.fromkeys(NOT_FOREIGN, SERVED)
        expected |= {"foreign": "license_required", "listed": "license_required", "newcomer": "needs_evidence"}
        yield _compare(f"everybody asks for {model}", expected, column(matrix, model))
    yield _compare(f"everybody asks for {OLDER}", column(stage.at_first, OLDER), column(matrix, OLDER))
    refused = stage.callers["foreign"].ask(FABLE)
    yield expect(
        "what the foreign person is told: citation, remedy, what they may still use",
        ["15 CFR 744.22(b); 50 USC 4817(b)(1)", "license", OLDER],
        [*refused.citations, *refused.remedies, *refused.alternatives] if refused else SERVED,
    )
    yield from _bring_evidence(stage)


def _bring_evidence(stage: Stage) -> Iterator[Check]:
    newcomer = stage.callers["newcomer"]
    refused = newcomer.ask(FABLE)
    stage.decisions["needs_evidence"] = str(refused.decision) if refused else ""
    yield expect(
        "what the newcomer, of whom nothing is known, is told",
        ["needs_evidence", "organization_attestation"],
        [refused.word, *refused.remedies] if refused else SERVED,
    )
    caller = ("--gateway", stage.scene.gateway)
    asked = stage.scene.licet("evidence", "nonce", *caller, LICET_API_KEY=newcomer.key)
    person = next(person for person in PEOPLE if person.name == newcomer.name)
    token = stage.scene.directory / "newcomer.jws"
    token.write_text(stage.sign(person, asked["audience"], asked["nonce"]), encoding="ascii")
    stage.scene.licet("evidence", "submit", token, *caller, LICET_API_KEY=newcomer.key)
    yield expect(
        "licet evidence nonce; their organization: licet attest sign; licet evidence submit; the same key asks again",
        {FABLE: SERVED, MYTHOS: SERVED},
        {model: stage.ask(newcomer.name, model) for model in (FABLE, MYTHOS)},
    )
    again = stage.scene.try_licet("evidence", "submit", token, *caller, LICET_API_KEY=newcomer.key)
    yield expect(
        "the same attestation a second time", [1, "wrong_nonce"], [again.code, (again.error or {}).get("code")]
    )
    yield from served_by_each_way(stage)


def step_5(stage: Stage) -> Iterator[Check]:
    """The list and use agree."""
    for name, expected in (("citizen", MODELS), ("newcomer", MODELS), ("foreign", (OLDER,)), ("listed", (OLDER,))):
        caller = stage.callers[name]
        yield expect(
            f"models.list() of {caller.library.name} as {name}", sorted(expected), sorted(caller.library.models())
        )


def step_6(stage: Stage) -> Iterator[Check]:
    """A license serves for as long as it runs, to the instant."""
    starts = stage.scene.now()
    until = starts + timedelta(seconds=_LICENSE_S)
    terms = ["--item", FABLE, "--organization", "acme-corp", "--employees"]
    instants = ["--from", format_instant(starts), "--until", format_instant(until)]
    stage.scene.agreed("license", "grant", "D-2026-001", *terms, *instants)
    yield expect(
        f"{PROPOSER}: licet license grant D-2026-001 --item {FABLE} --organization acme-corp --employees, for "
        f"{_LICENSE_S:.0f} s; {APPROVER} approves",
        {f"foreign {FABLE}": SERVED, f"foreign {MYTHOS}": "license_required", f"listed {FABLE}": "license_required"},
        {
            f"{name} {model}": stage.ask(name, model)
            for name, model in (("foreign", FABLE), ("foreign", MYTHOS), ("listed", FABLE))
        },
    )
    stream = stage.stream("foreign", FABLE, pieces=400)
    stage.cuts[6] = [stream]
    yield _all_begun([stream])
    stream.wait_end()
    yield _compare("the license ends while a stream runs", {_label(stream): "cut: license_required"}, _words([stream]))
    yield _soon("from the end of the license to the end of the stream", until, [stream])
    yield expect("the same key asks again", "license_required", stage.ask("foreign", FABLE))


def step_7(stage: Stage) -> Iterator[Check]:
    """A part is lifted, then all of it."""
    before = stage.matrix()
    stage.scene.agreed("directive", "activate", stage.scene.directive_of_today("2026-06-26.yaml"))
    after = stage.matrix()
    yield _compare(
        f"{PROPOSER}: licet directive activate 2026-06-26.yaml; {APPROVER} approves: "
        f"for {MYTHOS} listed organizations and their people are exempt",
        column(before, MYTHOS) | {"listed": SERVED},
        column(after, MYTHOS),
    )
    yield _compare(f"{FABLE} stays as it was", column(before, FABLE), column(after, FABLE))
    stage.scene.agreed("directive", "lift", "BIS-2026-06-26")
    lifted = stage.matrix()
    for model in MODELS:
        yield _compare(
            f"{PROPOSER}: licet directive lift BIS-2026-06-26; {APPROVER} approves; {model} for everybody as at step 1",
            column(stage.at_first, model),
            column(lifted, model),
        )


STEPS: Sequence[Act] = (
    Act(0, "The stage is set", set_the_stage),
    Act(1, "Two frontier models and an older one online, no directive: everybody is served", step_1),
    Act(2, "A stop takes one model offline for all within a second", step_2),
    Act(3, "A directive is checked and activated while streams run", step_3),
    Act(4, "Who may, may; evidence brings access back with the same key", step_4),
    Act(5, "The list of models shows each caller what it may use", step_5),
    Act(6, "A license is granted, serves, and ends at its instant", step_6),
    Act(7, "Lifted in part, then wholly", step_7),
    Act(8, "Every step is on record, and the record cannot be altered quietly", step_8),
)


def _all_begun(streams: Sequence[Stream]) -> Check:
    begun = [stream.wait_for(3) for stream in streams]
    return expect(f"{len(streams)} stream(s) opened", [True] * len(streams), begun)


def _compare(did: str, expected: dict[str, str], happened: dict[str, str]) -> Check:
    return Check(did, in_short(expected), in_short(happened), expected == happened)


def _label(stream: Stream) -> str:
    return f"{stream.caller.name} {stream.model} ({stream.caller.library.name})"


def _words(streams: Sequence[Stream]) -> dict[str, str]:
    return {_label(stream): stream.word for stream in streams}


def _soon(did: str, at: datetime, streams: Sequence[Stream]) -> Check:
    """Whether the streams ended within a second of an instant, and not before it."""
    lags_s = [(stream.ended_at - at).total_seconds() for stream in streams if stream.ended_at is not None]
    held = len(lags_s) == len(streams) and min(lags_s) >= 0 and max(lags_s) < _AT_ONCE_S
    happened = f"after {max(lags_s):.3f} s" if lags_s else "never"
    return Check(did, f"within {_AT_ONCE_S:.0f} s", happened, held)
