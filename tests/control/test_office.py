"""The office by itself: what takes two persons, and every way in which the second does not count."""

import asyncio
import sqlite3
import tempfile
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from directives_for_tests import directive
from licet.control.act import Act, Intent
from licet.control.mandates import MANDATES, Effect, Persons
from licet.decisions import RowKind
from licet.directives import compile_policy
from licet.errors import ConflictError, LicetError, PermissionDeniedError
from licet.proofs import prove, read_invariants, shipped_invariants
from licet.stores import ACTING, PendingState, Role, token_digest
from office_for_tests import LIFETIME, NOON, STAFF, House

TOKEN = token_digest("another token")
WHY = "counsel's reading for this test"
A_MICROSECOND = timedelta(microseconds=1)


@pytest.fixture
def house(tmp_path):
    made = House(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def alone(tmp_path):
    made = House(tmp_path, single=True)
    yield made
    made.store.close()


async def stopped(house):
    """One item that is stopped."""
    await house.agreed("item.add", id="fable-5", aliases=[], upstream="main")
    await house.do("olga", "stop", items=["fable-5"])


def stops(house):
    with house.store.read() as tx:
        return [row.item for row in tx.every(RowKind.STOP)]


def state(house, pending):
    return house.office.show(pending).state


async def test_what_loosens_waits_for_somebody_else_and_is_then_done(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=["fable-5"])
    assert stops(house) == ["fable-5"]
    done = await house.approve("ben", pending)
    assert (done.result, done.approved_by, done.loosened_by_one_person) == (["fable-5"], "ben", None)
    assert stops(house) == []
    (proposed,) = [x for x in house.log.acts("pending.propose") if x["proposed"] == "resume"]
    (resumed,) = house.log.acts("resume")
    assert (proposed["by"], proposed["proposal"], proposed["items"]) == ("ada", pending, ["fable-5"])
    assert proposed["digest"] == house.office.show(pending).digest
    assert (resumed["by"], resumed["approved_by"], resumed["proposal"]) == ("ada", "ben", pending)
    assert state(house, pending) is PendingState.APPROVED


async def test_what_tightens_is_done_by_one_at_once_even_without_a_log(house):
    await stopped(house)
    await house.agreed("resume", items=["fable-5"])
    house.log.is_out = True
    await house.do("olga", "stop", items=["fable-5"])
    assert stops(house) == ["fable-5"]
    await house.do("cleo", "administrator.remove", in_path="olga")
    assert house.who("olga").removed_at == NOON


async def test_nobody_approves_their_own_act(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    assert await house.refused(house.approve("ada", pending)) == "own_act"
    assert await house.refused(house.office.refuse(house.who("ada"), pending, WHY)) == "own_act"
    assert await house.refused(house.office.withdraw(house.who("ben"), pending)) == "not_own_act"
    assert stops(house) == ["fable-5"]


@pytest.mark.parametrize(("name", "code"), [("olga", "not_permitted"), ("dora", "not_permitted"), ("cleo", "done")])
async def test_the_second_person_must_be_one_whose_act_it_is(house, name, code):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    if code != "done":
        assert await house.refused(house.office.refuse(house.who(name), pending, WHY)) == code
    assert await house.refused(house.approve(name, pending)) == code


@pytest.mark.parametrize(
    ("after", "code"),
    [
        (LIFETIME - A_MICROSECOND, "done"),
        (LIFETIME, "proposal_expired"),
        (LIFETIME + A_MICROSECOND, "proposal_expired"),
    ],
)
async def test_it_can_be_approved_until_it_expires_and_not_then(house, after, code):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    house.clock.at = NOON + after
    assert await house.refused(house.approve("ben", pending)) == code
    await house.office.expire()
    await house.office.expire()
    expired = house.log.acts("pending.expire")
    assert [x["proposal"] for x in expired] == ([] if code == "done" else [pending])
    assert await house.refused(house.approve("ben", pending)) == ("already_decided" if code == "done" else code)


@pytest.mark.parametrize(
    ("way", "ended", "name"),
    [("refuse", PendingState.REFUSED, "cleo"), ("withdraw", PendingState.WITHDRAWN, "ada")],
)
async def test_what_was_ended_stays_ended(house, way, ended, name):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    more = (WHY,) if way == "refuse" else ()
    await getattr(house.office, way)(house.who(name), pending, *more)
    assert state(house, pending) is ended
    for again in (
        house.approve("ben", pending),
        house.office.refuse(house.who("ben"), pending, WHY),
        house.office.withdraw(house.who("ada"), pending),
    ):
        assert await house.refused(again) == "already_decided"
    (record,) = house.log.acts(f"pending.{way}")
    assert (record["by"], record["proposal"], record["proposed"]) == (name, pending, "resume")
    assert record.get("reason") == (WHY if way == "refuse" else None)
    assert stops(house) == ["fable-5"]


async def test_a_refusal_has_a_reason(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    assert await house.refused(house.office.refuse(house.who("ben"), pending, " \n")) == "reason_missing"
    assert state(house, pending) is PendingState.PENDING


async def test_two_approvals_at_once_are_one_effect(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    codes = await asyncio.gather(*(house.refused(house.approve(name, pending)) for name in ("ben", "cleo", "ben")))
    assert sorted(codes) == ["already_decided", "already_decided", "done"]
    assert len(house.log.acts("resume")) == 1
    assert house.log.acts("undone") == []


async def test_a_refusal_waits_for_an_approval_that_is_under_way(house):
    """Else the log would say that it was done, and the store that it was refused."""
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    refusals = []

    async def refuse_meanwhile(record):
        if record.body["act"] == "resume":
            refusal = house.refused(house.office.refuse(house.who("cleo"), pending, WHY))
            refusals.append(asyncio.create_task(refusal))
            await asyncio.sleep(0)

    house.log.before = refuse_meanwhile
    await house.approve("ben", pending)
    assert [await refusal for refusal in refusals] == ["already_decided"]
    assert stops(house) == []


async def test_a_proposal_outlives_a_restart(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    house.restart()
    assert [x.id for x in house.office.pendings(PendingState.PENDING)] == [pending]
    await house.approve("ben", pending)
    house.restart()
    assert stops(house) == []
    assert await house.refused(house.approve("cleo", pending)) == "already_decided"


async def test_what_a_person_proposed_ends_with_them(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    await house.do("cleo", "administrator.remove", in_path="ada")
    assert await house.refused(house.approve("ben", pending)) == "proposer_removed"
    assert stops(house) == ["fable-5"]


async def test_who_lost_the_role_neither_proposed_nor_approves(house):
    await stopped(house)
    await house.agreed("administrator.role", in_path="olga", roles=["officer"])
    by_olga = await house.propose("olga", "resume", items=[])
    await house.do("ada", "administrator.role", in_path="cleo", roles=["officer"])
    cleo_before = house.who("cleo")
    await house.agreed("administrator.role", in_path="olga", roles=["operator"])
    assert await house.refused(house.approve("ben", by_olga)) == "not_permitted"
    by_ada = await house.propose("ada", "resume", items=[])
    await house.do("ben", "administrator.remove", in_path="cleo")
    # Their token was good when the request came, and is not when the act is done.
    assert await house.refused(house.office.approve(cleo_before, by_ada)) == "unknown_administrator"
    assert stops(house) == ["fable-5"]


async def test_what_was_stopped_after_the_proposal_stays_stopped(house):
    await stopped(house)
    await house.agreed("item.add", id="mythos-5", aliases=[], upstream="main")
    pending = await house.propose("ada", "resume", items=[])
    await house.do("olga", "stop", items=["mythos-5"])
    await house.approve("ben", pending)
    assert stops(house) == ["mythos-5"]


async def test_a_later_stop_of_the_same_item_is_another_stop(house):
    """Nobody has agreed to end it, whether the first was ended meanwhile or only repeated."""
    await stopped(house)
    first, second = [await house.propose("ada", "resume", items=["fable-5"]) for _ in range(2)]
    house.clock.at += A_MICROSECOND
    await house.do("olga", "stop", items=["fable-5"])
    assert await house.refused(house.approve("ben", first)) == "overtaken"
    third = await house.propose("ada", "resume", items=["fable-5"])
    await house.approve("ben", third)
    house.clock.at += A_MICROSECOND
    await house.do("olga", "stop", items=["fable-5"])
    assert await house.refused(house.approve("ben", second)) == "overtaken"
    assert stops(house) == ["fable-5"]


async def test_what_was_judged_to_tighten_is_not_done_where_it_loosens_by_now(house):
    """Between the look and the act somebody set a stricter value: what one alone may do is no longer that."""
    loosest = {"in_path": "affiliates_rule_suspended", "value": "true", "reason": WHY}
    await house.agreed("parameter.set", **loosest)
    by_date = {"value": "by_date", "reason": WHY, "in_path": "affiliates_rule_suspended"}
    intent = house.office._intents.of("parameter.set", "ada", by_date)
    assert intent.act.effect is Effect.TIGHTENS
    await house.do("ben", "parameter.set", **{**loosest, "value": "false"})
    assert await house.refused(house.office._desk.carry_out(intent)) == "overtaken"


async def test_only_so_many_proposals_wait(house, monkeypatch):
    monkeypatch.setattr("licet.stores.people.MOST_PENDING", 2)
    for name in ("a-1", "a-2"):
        await house.propose("ada", "item.add", id=name, aliases=[], upstream="main")
    third = house.propose("ada", "item.add", id="a-3", aliases=[], upstream="main")
    assert await house.refused(third) == "too_many_pending"


async def test_what_would_mean_something_else_now_must_be_proposed_again(house):
    """Both say `false`; the first is about a reading that was `true` then."""
    arguments = {"in_path": "embargo_block", "value": "false", "reason": WHY}
    first = await house.propose("ada", "parameter.set", **arguments)
    second = await house.propose("cleo", "parameter.set", **arguments)
    await house.approve("ben", second)
    assert await house.refused(house.approve("ben", first)) == "overtaken"
    assert state(house, first) is PendingState.PENDING


async def test_acts_that_do_not_touch_each_other_do_not_overtake_each_other(house):
    first = await house.propose("ada", "parameter.set", in_path="embargo_block", value="false", reason=WHY)
    second = await house.propose("ada", "parameter.set", in_path="macau", value="literal", reason=WHY)
    await house.approve("ben", second)
    await house.approve("ben", first)
    assert {x["parameter"] for x in house.log.acts("parameter.set")} == {"embargo_block", "macau"}


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("arguments", '{"items": ["fable-5", "mythos-5"], "everything": false}', "proposal_altered"),
        ("meaning", '{"items": []}', "proposal_altered"),
        ("proposed_by", "cleo", "proposal_altered"),
        ("digest", "0" * 64, "proposal_altered"),
        ("act", "stop", "proposal_altered"),
    ],
)
async def test_what_is_not_as_it_was_proposed_is_not_done(house, tmp_path, column, value, code):
    await stopped(house)
    await house.agreed("item.add", id="mythos-5", aliases=[], upstream="main")
    await house.do("ada", "stop", items=["mythos-5"])
    pending = await house.propose("ada", "resume", items=["fable-5"])
    with closing(sqlite3.connect(tmp_path / "licet.db")) as database:
        database.execute(f"UPDATE pending SET {column} = ? WHERE id = ?", (value, pending))  # noqa: S608  # a name of the table above
        database.commit()
    assert await house.refused(house.approve("ben", pending)) == code
    assert stops(house) == ["fable-5", "mythos-5"]


async def test_whoever_names_a_digest_approves_that_and_nothing_else(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    assert await house.refused(house.approve("ben", pending, "0" * 64)) == "other_proposal"
    await house.approve("ben", pending, house.office.show(pending).digest)


async def test_what_is_not_possible_is_not_even_proposed(house):
    await stopped(house)
    for act, arguments, code in (
        ("resume", {"items": ["no-such"]}, "not_stopped"),
        ("item.add", {"id": "fable-5", "aliases": [], "upstream": "main"}, "item_exists"),
        ("directive.lift", {"in_path": "no-such", "at": None}, "unknown_directive"),
        ("administrator.role", {"in_path": "nobody", "roles": ["officer"]}, "unknown_administrator"),
    ):
        assert await house.refused(house.do("ada", act, **arguments)) == code
    assert [x.act for x in house.office.pendings(PendingState.PENDING)] == []


async def test_what_became_impossible_stays_open_and_changes_nothing(house):
    await stopped(house)
    first, second = [await house.propose("ada", "resume", items=["fable-5"]) for _ in range(2)]
    await house.approve("ben", first)
    assert await house.refused(house.approve("ben", second)) == "overtaken"
    assert state(house, second) is PendingState.PENDING


async def test_an_act_that_the_log_cannot_take_is_neither_done_nor_approved(house):
    await stopped(house)
    pending = await house.propose("ada", "resume", items=[])
    house.log.is_out = True
    assert await house.refused(house.approve("ben", pending)) == "unavailable"
    house.log.is_out = False
    assert (stops(house), state(house, pending)) == (["fable-5"], PendingState.PENDING)
    await house.approve("ben", pending)


# The desk trusts nobody who calls it.


@pytest.mark.parametrize(
    ("name", "effect"),
    [
        ("resume", Effect.LOOSENS),
        ("resume", Effect.TIGHTENS),
        ("stop", Effect.LOOSENS),
        ("parameter.set", Effect.NEUTRAL),
        ("a new act", Effect.TIGHTENS),
        ("a new act", Effect.NEUTRAL),
    ],
)
async def test_the_desk_itself_refuses_one_person_where_two_are_needed(house, name, effect):
    intent = Intent(Act(name, "ada", {}, effect), lambda tx, _at: tx.set_meta("a", "b"))
    with pytest.raises(ConflictError) as refused:
        await house.office._desk.carry_out(intent)
    assert refused.value.code == "two_persons_needed"
    assert house.log.acts() == []


def test_every_act_that_loosens_takes_two():
    """By name: whatever is not listed here may be done by one, and must say why."""
    two = {name for name, mandate in MANDATES.items() if mandate.persons is Persons.TWO}
    assert two >= {
        "resume",
        "directive.lift",
        "license.grant",
        "item.import",
        "organization.add",
        "hold.release",
        "administrator.add",
        "record.erase",
    }
    assert all(mandate.why for mandate in MANDATES.values() if mandate.persons is not Persons.NO_ACT)


# Administrators.


async def add(house, name="eve", roles=("officer",), token=TOKEN, by="ada"):
    return await house.do(by, "administrator.add", name=name, roles=list(roles), token_sha256=token)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"name": "ada"}, "administrator_exists"),
        ({"name": "ADA"}, "administrator_exists"),
        ({"roles": ("officer", "auditor")}, "bad_roles"),
        ({"token": token_digest("ben")}, "token_exists"),
        ({"token": "a token itself"}, "bad_token"),
        ({"token": TOKEN.upper()}, "bad_token"),
        ({"by": "olga"}, "not_permitted"),
        ({"by": "dora"}, "not_permitted"),
        ({"name": "e ve"}, "invalid_input"),
        ({"name": "eve\x1b[2J"}, "invalid_input"),
        ({"name": "eve\n"}, "invalid_input"),
        ({"roles": ("clerk",)}, "invalid_input"),
        ({"roles": ()}, "invalid_input"),
    ],
)
async def test_who_cannot_be_an_administrator(house, change, code):
    assert await house.refused(add(house, **change)) == code


async def test_a_name_is_never_given_twice(house):
    await house.do("ada", "administrator.remove", in_path="olga")
    assert await house.refused(add(house, name="olga")) == "administrator_exists"
    assert await house.refused(add(house, name="Olga")) == "administrator_exists"


async def test_two_proposals_of_one_name_are_one_administrator(house):
    first = (await add(house)).pending.id
    second = (await add(house, token=token_digest("a third"))).pending.id
    await house.approve("ben", first)
    assert await house.refused(house.approve("ben", second)) == "administrator_exists"
    assert house.who("eve").roles == {Role.OFFICER}


@pytest.mark.parametrize(
    ("before", "after", "waits"),
    [
        ("ada", ["officer"], False),
        ("ada", ["operator", "officer"], False),
        ("olga", ["operator", "officer"], True),
        ("olga", ["officer"], True),
        ("olga", ["auditor"], True),
        ("dora", ["operator"], True),
        ("dora", ["auditor"], False),
    ],
)
async def test_a_role_that_is_added_takes_two_and_one_that_is_taken_away_one(house, before, after, waits):
    outcome = await house.do("cleo", "administrator.role", in_path=before, roles=after)
    assert hasattr(outcome, "pending") == waits
    assert (house.who(before).roles == frozenset(after)) != waits


async def test_two_officers_stay(house):
    await house.do("ada", "administrator.remove", in_path="cleo")
    for by, act in (("ada", "ben"), ("ben", "ben")):
        removal = house.do(by, "administrator.remove", in_path=act)
        assert await house.refused(removal) == "too_few_officers"
    narrowed = house.do("ada", "administrator.role", in_path="ada", roles=["operator"])
    assert await house.refused(narrowed) == "too_few_officers"
    assert house.who("ben").removed_at is None
    assert house.who("ada").roles == ACTING


async def test_one_rotates_ones_own_token_and_nobody_elses(house):
    assert await house.refused(house.do("ada", "administrator.rotate", in_path="ben", token_sha256=TOKEN)) == (
        "not_permitted"
    )
    taken = house.do("ada", "administrator.rotate", in_path="ada", token_sha256=token_digest("ben"))
    assert await house.refused(taken) == "token_exists"
    await house.do("dora", "administrator.rotate", in_path="dora", token_sha256=TOKEN)
    with house.store.read() as tx:
        assert tx.people.holder("dora") is None
        assert tx.people.holder("another token").name == "dora"


# One person.


async def test_one_alone_may_loosen_where_that_was_chosen_and_it_is_said(alone):
    done = await alone.do("ada", "item.add", id="fable-5", aliases=[], upstream="main")
    assert done.loosened_by_one_person
    (record,) = alone.log.acts("item.add")
    assert (record["single_person"], "approved_by" in record) == (True, False)
    stopped_ = await alone.do("ada", "stop", items=["fable-5"])
    assert stopped_.loosened_by_one_person is False
    assert "single_person" not in alone.log.acts("stop")[0]


async def test_from_one_to_two_is_one_persons_act_and_there_is_no_way_back(alone):
    await alone.do("cleo", "persons.two")
    await alone.do("ada", "item.add", id="fable-5", aliases=[], upstream="main")
    (pending,) = alone.office.pendings(PendingState.PENDING)
    assert pending.act == "item.add"
    assert await alone.refused(alone.do("ada", "persons.two")) == "two_persons_already"
    assert not any("single" in name or name == "persons.one" for name in MANDATES)


async def test_two_are_not_asked_for_where_there_is_only_one(alone):
    for name in ("ben", "cleo"):
        await alone.do("ada", "administrator.remove", in_path=name)
    assert await alone.refused(alone.do("ada", "persons.two")) == "too_few_officers"
    with alone.store.read() as tx:
        assert tx.single_person
    assert await alone.refused(alone.do("ada", "administrator.remove", in_path="ada")) == "too_few_officers"


async def test_roles_hold_for_one_person_too(alone):
    assert await alone.refused(alone.do("olga", "resume", items=[])) == "not_permitted"
    assert await alone.refused(alone.do("cleo", "key.issue", party="P1")) == "not_permitted"
    with pytest.raises(PermissionDeniedError):
        await alone.do("dora", "stop", items=[])


# A policy whose proof fails.

IMPOSSIBLE = """
format = "licet-invariants/1"
[[invariant]]
name = "impossible"
sentence = "Nothing is ever answered."
citation = "a test"
about = "join"
claim = { outcome = [] }
"""
(NEVER,) = read_invariants(IMPOSSIBLE, "own.toml")


@pytest.fixture
def failing(tmp_path):
    invariants = [NEVER]
    made = House(tmp_path, prover=lambda bundle, at: prove(compile_policy(bundle), invariants, at))
    made.invariants = invariants
    yield made
    made.store.close()


READING = {"in_path": "embargo_block", "reason": WHY}


async def test_a_policy_whose_proof_fails_takes_two_and_a_reason(failing):
    assert await failing.refused(failing.do("ada", "parameter.set", value="false", **READING)) == "proof_failed"
    blank = failing.do("ada", "parameter.set", value="false", despite_proof=" ", **READING)
    assert await failing.refused(blank) == "reason_missing"
    pending = await failing.propose(
        "ada", "parameter.set", value="false", despite_proof="the letter says so", **READING
    )
    await failing.approve("ben", pending)
    (record,) = failing.log.acts("parameter.set")
    assert (record["proof"]["broken"], record["despite_proof"]) == (["impossible"], "the letter says so")
    with failing.store.read() as tx:
        assert tx.broken_invariants == {"impossible"}


async def test_also_what_only_tightens_takes_two_where_it_breaks_something_new(failing):
    arguments = {"in_path": "unknown_place", "value": "ask", "reason": WHY}
    assert await failing.refused(failing.do("ada", "parameter.set", **arguments)) == "proof_failed"
    await failing.agreed("parameter.set", despite_proof="x", **arguments)
    # From now on it is broken; who tightens further breaks nothing more, and does it alone.
    await failing.do("ada", "parameter.set", in_path="stale_policy", value="deny", reason=WHY)
    loosening = failing.do("ada", "parameter.set", in_path="stale_policy", value="serve_unrestricted", reason=WHY)
    assert await failing.refused(loosening) == "proof_failed"
    failing.invariants[:] = shipped_invariants()
    await failing.agreed("parameter.set", in_path="stale_policy", value="serve_unrestricted", reason=WHY)
    with failing.store.read() as tx:
        assert tx.broken_invariants == frozenset()


async def test_only_what_was_looked_at_is_waived(failing):
    pending = await failing.propose("ada", "parameter.set", value="false", despite_proof="x", **READING)
    text = IMPOSSIBLE.replace("impossible", "unthinkable")
    failing.invariants += read_invariants(text, "own.toml")
    assert await failing.refused(failing.approve("ben", pending)) == "overtaken"
    assert failing.log.acts("parameter.set") == []


async def test_where_nothing_fails_a_reason_waives_nothing(house):
    done = await house.do("ada", "parameter.set", in_path="unknown_place", value="ask", reason=WHY, despite_proof="x")
    assert done.result.value == "ask"
    (record,) = house.log.acts("parameter.set")
    assert "despite_proof" not in record
    assert "broken" not in record["proof"]


async def test_a_directive_takes_one_and_its_successor_two(house):
    await house.agreed("item.add", id="fable-5", aliases=[], upstream="main")
    await house.do("ada", "directive.activate", text=directive(), name="a.yaml")
    relations = [{"kind": "supersedes", "directive": "DIR-1"}]
    successor = directive(id="DIR-2", effective_at="2026-06-15T11:00:00Z", relations=relations)
    pending = await house.propose("ada", "directive.activate", text=successor, name="b.yaml")
    await house.approve("cleo", pending)
    assert [x["directive"] for x in house.log.acts("directive.activate")] == ["DIR-1", "DIR-2"]
    lifting = await house.propose("cleo", "directive.lift", in_path="DIR-2", at=None)
    await house.approve("ada", lifting)


# Over any sequence of acts.

PEOPLE = st.sampled_from(["ada", "ben", "cleo", "olga", "dora"])
STEPS = st.one_of(
    st.tuples(st.just("propose"), PEOPLE, st.just(0)),
    st.tuples(st.just("stop"), PEOPLE, st.just(0)),
    st.tuples(st.sampled_from(["approve", "refuse", "withdraw"]), PEOPLE, st.integers(0, 3)),
    st.tuples(st.just("remove"), PEOPLE, st.integers(0, 4)),
    st.tuples(st.just("wait"), PEOPLE, st.integers(1, 30)),
)


@settings(max_examples=40, deadline=None)
@given(st.lists(STEPS, max_size=14))
def test_nothing_is_ever_loosened_by_one_person_alone(steps):
    asyncio.run(_play(steps))


async def _play(steps):
    with tempfile.TemporaryDirectory() as directory:
        house = House(Path(directory))
        try:
            await stopped(house)
            setting_up = len(house.log.records)
            for step in steps:
                with suppress(LicetError):
                    await _step(house, *step)
            for record in house.log.acts()[setting_up:]:
                if record["effect"] == "loosens":
                    assert record["by"] != record["approved_by"]
                    assert Role.OFFICER in house.who(record["by"]).roles & house.who(record["approved_by"]).roles
            undone = {record["record"] for record in house.log.acts("undone")}
            approved = [x for x in house.office.pendings(PendingState.APPROVED) if x.act == "resume"]
            assert len(approved) == len(
                [x for x in house.log.records if x.body["act"] == "resume" and x.id not in undone]
            )
        finally:
            house.store.close()


async def _step(house, what, name, number):
    proposals = [x.id for x in house.office.pendings(None) if x.act == "resume"]
    match what:
        case "propose":
            await house.do(name, "resume", items=[])
        case "stop":
            await house.do(name, "stop", items=["fable-5"])
        case "remove":
            await house.do(name, "administrator.remove", in_path=list(STAFF)[number])
        case "wait":
            house.clock.at += timedelta(hours=number)
            await house.office.expire()
        case "approve" if number < len(proposals):
            await house.approve(name, proposals[number])
        case "refuse" if number < len(proposals):
            await house.office.refuse(house.who(name), proposals[number], WHY)
        case "withdraw" if number < len(proposals):
            await house.office.withdraw(house.who(name), proposals[number])
