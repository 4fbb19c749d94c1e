"""A drill: a letter comes, and everything that follows is done and timed, on a copy of the configuration.

The commands are the shipped ones, the gateway is a real one with the instance's rows
and readings; only the model server is a stand-in, and the callers are made up.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp

from licet.app import copy_to_rehearse
from licet.demo.drill_callers import Answered, Callers, Stream
from licet.demo.scene import APPROVER, PROPOSER, Scene, process
from licet.errors import InputError, LicetError, UnavailableError
from licet.terms import format_instant

LIMIT_S = 90 * 60.0
"""Ninety minutes, from the letter to its being obeyed and to the first lawful caller's return."""
CUT_LIMIT_S = 1.0
_OTHER, _MODEL, _ORGANIZATION = "drill-other", "drill-model", "drill-org"
_CITIZEN, _FOREIGN, _NEWCOMER = "drill-citizen", "drill-foreign", "drill-newcomer"
_STATUS = {_CITIZEN: "not_foreign_person", _FOREIGN: "foreign_person", _NEWCOMER: "not_foreign_person"}
_STREAM_S = 120
_BEGIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Step:
    """What was done, how long it took, when it was done since the letter came, and whether it went well."""

    step: str
    took_s: float
    since_letter_s: float
    what: str
    held: bool = True


@dataclass(slots=True)
class Drill:
    """One drill under way.

    Attributes:
        item: What the letter is about.
        letter: The directive file.
        steps: What was done so far.
        beside: What was answered meanwhile about an item of which the letter says nothing.
    """

    scene: Scene
    item: str
    letter: Path
    keys: dict[str, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    streams: list[Stream] = field(default_factory=list)
    beside: list[Answered] = field(default_factory=list)
    came_at: float = 0.0

    async def command(self, *arguments: object, **environment: str) -> Any:
        """Run a command beside the callers."""
        return await asyncio.to_thread(partial(self.scene.licet, *arguments, **environment))

    async def agreed(self, *arguments: object) -> Any:
        """Run a command that takes two persons."""
        return await asyncio.to_thread(self.scene.agreed, *arguments)

    async def timed(self, step: str, work: Awaitable[Any], tell: Callable[[Any], tuple[str, bool]]) -> Any:
        """Do a step and write it down; one that fails is one that did not hold."""
        began = time.monotonic()
        try:
            done = await work
            what, held = tell(done)
        except LicetError as err:
            done, what, held = None, f"{err} [{err.code}]", False
        now = time.monotonic()
        self.steps.append(Step(step, now - began, now - self.came_at, what, held))
        if not held:
            raise _EndedError
        return done


class _EndedError(Exception):
    """A step did not hold; stays in this module."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What is wanted of a drill.

    Attributes:
        item: What the letter is about; by default an item that is served.
        letter: A directive file, instead of one that reaches every foreign person.
        streams: How many answers are being given when the letter comes.
    """

    item: str | None = None
    letter: Path | None = None
    streams: int = 60


def run_drill(directory: Path, wish: Wish, watch: Callable[[str], None]) -> dict[str, Any]:
    """Play it.

    Args:
        directory: Of the instance whose configuration is copied.
        wish: What is wanted of it.
        watch: Is told each step as it begins.

    Returns:
        The report: whether everything held, each step, and how fast streams were cut.

    Raises:
        LicetError: the copy could not be made or served.
    """
    with TemporaryDirectory(prefix="licet-drill-", ignore_cleanup_errors=True) as place:
        return asyncio.run(_drill(directory, Path(place), wish, watch))


async def _drill(directory: Path, place: Path, wish: Wish, watch: Callable[[str], None]) -> dict[str, Any]:
    scene = Scene(place)
    watch("copying the configuration, starting a gateway on it")
    with _served(scene, directory):
        drill = Drill(scene, *_subject(scene, wish.item, wish.letter))
        watch("enrolling the callers of the drill")
        await _enroll(drill)
        async with _callers(drill) as callers:
            try:
                await _play(drill, callers, wish.streams, watch)
            except _EndedError:
                watch("a step did not hold")
    return _report(drill)


@contextmanager
def _served(scene: Scene, directory: Path) -> Iterator[None]:
    """The copy, and a model server behind it."""
    with process(["-m", "licet.demo.standin", "--json"], scene.directory, {}) as upstream:
        scene.upstream = upstream["url"]
        copy_to_rehearse(directory, scene.instance, scene.upstream, (PROPOSER, APPROVER))
        command = ["-m", "licet", "serve", "--dir", str(scene.instance), "--json"]
        with process(command, scene.directory, {}) as running:
            scene.gateway, scene.control = running["gateway"], running["control"]
            yield


def _subject(scene: Scene, item: str | None, letter: Path | None) -> tuple[str, Path]:
    """The item, and the letter about it."""
    served = [row["id"] for row in scene.licet("status")["items"] if row["state"] == "on" and not row["restricted"]]
    if letter is not None:
        named = list(scene.licet("directive", "check", letter)["items"])
        chosen = item or next((one for one in named if one in served), None)
        if chosen is None or chosen not in named:
            raise InputError("expected a letter about an item that is served", code="bad_letter")
        return chosen, letter
    if item is not None and item not in served:
        raise InputError(
            f"expected an item that is served and that no directive names, found `{item}`", code="bad_item"
        )
    chosen = item or (served[0] if served else _MODEL)
    return chosen, _write_letter(scene, chosen)


def _write_letter(scene: Scene, item: str) -> Path:
    """A letter that reaches every foreign person, in force from now on."""
    at = scene.now()
    now = format_instant(at - timedelta(seconds=1))
    document = {
        "format": "licet-directive/1",
        "id": "DRILL",
        "title": "A drill: no agency has ordered this",
        "reconstruction": True,
        "issuer": "drill",
        "addressee": "the operator of this gateway",
        "authority": ["15 CFR 744.22(b)"],
        "form": "written",
        "status": "confirmed",
        "authenticated": {"how": "a drill", "by": "a drill", "at": now},
        "acts": ["export", "reexport", "transfer_in_country", "release"],
        "items": [{"id": item, "basis": "a drill"}],
        "persons": "all_foreign_persons",
        "received_at": now,
        "effective_at": now,
        "comply_by": None,
        "lifted_at": None,
        "appeal_by": None,
        "confidentiality": "public",
        "public_text": "A drill.",
        "penalties": [],
        "sources": [{"title": "A drill", "date": now[:10], "sha256": None, "quotes": []}],
    }
    path = scene.directory / "letter.json"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


async def _enroll(drill: Drill) -> None:
    """Three callers of one organization: two it has attested, and one it has not yet."""
    command, upstream = drill.command, (await drill.command("item", "list"))
    there = {row["id"] for row in upstream}
    name = next((row["upstream"] for row in upstream), None) or "main"
    for item in (drill.item, _OTHER):
        if item not in there:
            await drill.agreed("item", "add", item, "--upstream", name)
    private, public = drill.scene.directory / "drill.private.jwk", drill.scene.directory / "drill.public.jwk"
    await command("attest", "keygen", "--out", private, "--public", public, "--kid", "drill-1")
    facts = ("--name", "A drill", "--place", "US-DE", "--attestation-key", public)
    await drill.agreed("organization", "add", _ORGANIZATION, *facts)
    for who in _STATUS:
        await command("party", "add", who, "--organization", _ORGANIZATION)
        drill.keys[who] = (await command("key", "issue", "--party", who))["result"]["key"]
    for who in (_CITIZEN, _FOREIGN):
        await _attest(drill, who)


async def _attest(drill: Drill, who: str) -> None:
    """The organization's act, and the caller's: sign, and present."""
    key, scene = drill.keys[who], drill.scene
    asked = await asyncio.to_thread(scene.post, "/licet/nonce", key, {})
    words = ["--issuer", _ORGANIZATION, "--audience", asked["audience"], "--subject", who, "--status", _STATUS[who]]
    words += ["--relation", "employee", "--nonce", asked["nonce"], "--key", str(scene.directory / "drill.private.jwk")]
    words += ["--nationality", "FR"] if who == _FOREIGN else []
    token = (await drill.command("attest", "sign", *words))["token"]
    await asyncio.to_thread(scene.post, "/licet/evidence", key, {"kind": "org_user_attestation", "payload": token})


@asynccontextmanager
async def _callers(drill: Drill) -> AsyncIterator[Callers]:
    """The callers, one of whom asks about another item all the while."""
    connector = aiohttp.TCPConnector(limit=0)
    timeout = aiohttp.ClientTimeout(total=None, sock_read=60)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, trust_env=False) as session:
        callers = Callers(session, drill.scene.gateway, drill.keys)
        asking = asyncio.create_task(callers.keep_asking(_CITIZEN, _OTHER, drill.beside.append))
        try:
            yield callers
        finally:
            asking.cancel()
            await asyncio.wait({asking})


async def _play(drill: Drill, callers: Callers, streams: int, watch: Callable[[str], None]) -> None:
    watch(f"opening {streams} streams")
    reading = await _open(drill, callers, streams)
    drill.came_at = time.monotonic()
    watch("a letter comes: stop")
    await drill.timed("stop", drill.command("stop", drill.item), lambda x: (f"stopped {', '.join(x['result'])}", True))
    await drill.timed("streams cut", asyncio.wait(reading, timeout=_BEGIN_S), lambda _: _cut(drill))
    watch("check, prove, activate")
    check = drill.command("directive", "check", drill.letter)
    await drill.timed("check", check, lambda _: ("the letter is a directive file without faults", True))
    prove = drill.command("prove", "--policy", drill.letter)
    await drill.timed("prove", prove, lambda x: (f"{len(x['invariants'])} invariants hold", bool(x["holds"])))
    activate = drill.command("directive", "activate", drill.letter)
    await drill.timed("activate", activate, lambda x: (f"in force, recorded as {x['record']}", True))
    watch("two bring the item back")
    await drill.timed("resume", drill.agreed("resume", drill.item), lambda _: ("one proposed it, another agreed", True))
    back = callers.until_served(_CITIZEN, drill.item)
    await drill.timed("first lawful caller back", back, lambda _: ("evidence of before the letter is enough", True))
    await drill.timed("the others", _others(drill, callers), _refused)
    watch("a caller shows evidence")
    await drill.timed("evidence", _shows(drill, callers), lambda _: ("shown, and served with the same key", True))
    await drill.timed("beside", asyncio.sleep(0), lambda _: _meanwhile(drill))
    watch("the record of it")
    await drill.timed("records", drill.command("log", "verify"), lambda _: ("the log verifies", True))


async def _open(drill: Drill, callers: Callers, count: int) -> set["asyncio.Task[None]"]:
    drill.streams = [Stream(who) for _, who in zip(range(count), _around(), strict=False)]
    reading = {asyncio.create_task(callers.read(stream, drill.item, _STREAM_S)) for stream in drill.streams}
    try:
        async with asyncio.timeout(_BEGIN_S):
            for stream in drill.streams:
                await stream.begun.wait()
    except TimeoutError as err:
        raise UnavailableError(f"{count} streams did not begin within {_BEGIN_S} s", code="no_streams") from err
    return reading


def _around() -> Iterator[str]:
    while True:
        yield from _STATUS


def _cut(drill: Drill) -> tuple[str, bool]:
    words = {stream.word for stream in drill.streams}
    late_s = max(stream.ended_at for stream in drill.streams) - drill.came_at
    stop_s = drill.steps[0].took_s
    told = f"{len(drill.streams)} streams ended with {', '.join(sorted(words))}, the last {late_s:.2f} s after `licet"
    return f"{told} stop` was typed", words == {"item_stopped"} and late_s <= stop_s + CUT_LIMIT_S


async def _others(drill: Drill, callers: Callers) -> dict[str, str]:
    return {who: (await callers.ask(who, drill.item)).word for who in (_FOREIGN, _NEWCOMER)}


def _refused(words: dict[str, str]) -> tuple[str, bool]:
    expected = {_FOREIGN: "license_required", _NEWCOMER: "verification_required"}
    return "; ".join(f"{who}: {word}" for who, word in words.items()), words == expected


async def _shows(drill: Drill, callers: Callers) -> Answered:
    await _attest(drill, _NEWCOMER)
    return await callers.until_served(_NEWCOMER, drill.item)


def _meanwhile(drill: Drill) -> tuple[str, bool]:
    words = sorted({answered.word for answered in drill.beside})
    told = f"{len(drill.beside)} requests for an item of which the letter says nothing: {', '.join(words)}"
    return told, words == ["served"]


def _report(drill: Drill) -> dict[str, Any]:
    cuts = sorted(stream.ended_at - drill.came_at for stream in drill.streams if stream.word == "item_stopped")
    back = next((step.since_letter_s for step in drill.steps if step.step == "first lawful caller back"), None)
    held = all(step.held for step in drill.steps) and back is not None and back <= LIMIT_S
    return {
        "held": held,
        "item": drill.item,
        "steps": [
            {
                "step": one.step,
                "took_s": round(one.took_s, 3),
                "since_letter_s": round(one.since_letter_s, 3),
                "what": one.what,
                "held": one.held,
            }
            for one in drill.steps
        ],
        "streams": len(drill.streams),
        "cut_median_s": _at(cuts, 50),
        "cut_p99_s": _at(cuts, 99),
        "lawful_back_s": None if back is None else round(back, 3),
        "limit_s": LIMIT_S,
    }


def _at(sorted_s: list[float], percent: int) -> float | None:
    if len(sorted_s) < 2:  # noqa: PLR2004  # a distribution has two points at least
        return round(sorted_s[0], 3) if sorted_s else None
    return round(quantiles(sorted_s, n=100, method="inclusive")[percent - 1], 3)
