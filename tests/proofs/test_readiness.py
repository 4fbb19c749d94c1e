"""What a letter would leave of use, worked out by hand; and what it says of shares."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from decisions_for_tests import AT, DAY, FOREIGN, NOT_FOREIGN, TICK, attested, license_, snapshot, standing
from licet.decisions import Use, User
from licet.parties import Serves
from licet.proofs import tell_readiness, under_letter

ACME = User(None, "acme", Serves.MACHINE, "bearer")
LAB = User(None, "lab-fr", Serves.MACHINE, "bearer")
UNCHECKED = User(None, "unverified", Serves.MACHINE, "bearer")
PEOPLE = User(None, "acme", Serves.PEOPLE, "bearer")
P1 = User("p1", None, None, "bearer")

# Who used fable-5, the world, what becomes of it, what evidence there is.
ORACLE = [
    (ACME, {}, "kept", "organization_checked"),
    (LAB, {}, "barred", "organization_checked"),
    (UNCHECKED, {}, "to_show", "organization_not_checked"),
    (PEOPLE, {}, "to_show", "organization_checked"),
    (P1, {"standings": (attested("p1", NOT_FOREIGN),)}, "kept", "shown_not_foreign"),
    (P1, {"standings": (attested("p1", FOREIGN),)}, "barred", "shown_foreign"),
    (P1, {"standings": (standing("p1", FOREIGN, NOT_FOREIGN),)}, "to_show", "shown_unsettled"),
    (P1, {"standings": (attested("p1", NOT_FOREIGN, not_after=AT),)}, "to_show", "lapsed"),
    (P1, {"standings": (attested("p1", NOT_FOREIGN, not_after=AT + TICK),)}, "kept", "shown_not_foreign"),
    (P1, {}, "to_show", "nothing_shown"),
    (P1, {"stops": ("fable-5",)}, "stopped", "nothing_shown"),
    (P1, {"standings": (attested("p1", FOREIGN),), "licenses": (license_(party="p1"),)}, "kept", "shown_foreign"),
    # A license that has ended leaves nothing.
    (
        P1,
        {"standings": (attested("p1", FOREIGN),), "licenses": (license_(party="p1", valid_until=AT),)},
        "barred",
        "shown_foreign",
    ),
]


def world(**over):
    return snapshot(**{"parties": {"p1": "acme"}, **over})


@pytest.mark.parametrize(("user", "over", "fate", "shown"), ORACLE)
def test_a_letter_leaves_what_evidence_settles(user, over, fate, shown):
    told = tell_readiness([Use(user, "fable-5", 3, 40)], under_letter(world(**over), ["fable-5"], AT), AT)
    assert told[fate] == {"requests": 3, "callers": 1, "tokens": 40}
    assert [name for name in ("kept", "to_show", "barred", "stopped") if told[name]["requests"]] == [fate]
    assert [one["evidence"] for one in told["evidence"]] == [shown]


def test_without_a_letter_everything_is_kept():
    told = tell_readiness([Use(P1, "fable-5", 1, 0), Use(LAB, "mythos-5", 1, 0)], world(), AT)
    assert told["kept"]["requests"] == told["all"]["requests"] == 2
    assert told["lawful_share"] == {"requests": 1.0, "callers": 1.0, "tokens": None}


def test_a_letter_about_one_item_leaves_the_others():
    uses = [Use(P1, "fable-5", 1, 0), Use(P1, "mythos-5", 2, 0)]
    told = tell_readiness(uses, under_letter(world(), ["fable-5"], AT), AT)
    assert [(one["item"], one["kept"]["requests"]) for one in told["items"]] == [("fable-5", 0), ("mythos-5", 2)]
    # One caller, of whose use one part is kept and the other is not.
    assert (told["all"]["callers"], told["kept"]["callers"], told["to_show"]["callers"]) == (1, 1, 1)


def test_the_lawful_share_leaves_out_what_is_barred():
    uses = [Use(ACME, "fable-5", 6, 60), Use(LAB, "fable-5", 100, 1), Use(P1, "fable-5", 2, 20)]
    told = tell_readiness(uses, under_letter(world(), ["fable-5"], AT), AT)
    assert told["lawful_share"] == {"requests": 0.75, "callers": 0.5, "tokens": 0.75}


def test_nothing_used_has_no_share():
    told = tell_readiness([], world(), AT)
    assert told["lawful_share"] == {"requests": None, "callers": None, "tokens": None}
    assert (told["items"], told["evidence"]) == ([], [])


users = st.sampled_from([ACME, LAB, UNCHECKED, PEOPLE, P1])
uses_of = st.builds(Use, users, st.sampled_from(["fable-5", "mythos-5"]), st.integers(1, 9), st.integers(0, 99))


@given(st.lists(uses_of, max_size=12), st.booleans(), st.integers(0, 60))
def test_every_request_has_one_fate_and_every_part_adds_up(uses, is_shown, days):
    rows = world(standings=(attested("p1", NOT_FOREIGN),) if is_shown else ())
    told = tell_readiness(uses, under_letter(rows, ["fable-5"], AT), AT + days * DAY)
    for measure in ("requests", "tokens"):
        whole = told["all"][measure]
        assert whole == sum(told[fate][measure] for fate in ("kept", "to_show", "barred", "stopped"))
        assert whole == sum(one["all"][measure] for one in told["items"])
        assert whole == sum(one["all"][measure] for one in told["evidence"])
    assert told["all"]["callers"] == len({use.user for use in uses})
