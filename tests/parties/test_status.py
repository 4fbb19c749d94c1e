from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError
from licet.parties import (
    Assurance,
    Citizenship,
    Declared,
    EvidenceKind,
    ForeignPerson,
    Genuineness,
    HolderBinding,
    MemberOf,
    NotForeignPerson,
    Organization,
    OrganizationKind,
    PermanentResidence,
    PersonStatus,
    Relation,
    Standing,
    Stateless,
    UnrecognizedNationality,
    UnsettledStatus,
    Usable,
    Withdrawal,
    adverse_facts,
    completeness,
    establish_organization,
    establish_status,
    fact_from_value,
    fact_to_value,
    nationality_fact,
    usable_standings,
)
from licet.terms import FOREVER

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY, HOUR, TICK = timedelta(days=1), timedelta(hours=1), timedelta.resolution
RULE = Usable(Assurance.SUBSTANTIAL, 365 * DAY, accept_organization_attestation=True)


def standing(*facts, **over):
    values = {
        "id": "S1",
        "subject": "p1",
        "facts": facts or (NotForeignPerson(),),
        "kind": EvidenceKind.ORGANIZATION_ATTESTATION,
        "issuer": "acme",
        "assurance": Assurance.SUBSTANTIAL,
        "verified_at": NOON - DAY,
        "not_after": NOON + 9 * DAY,
        "evidence_digest": "00",
        "verifier": "test/1",
    }
    return Standing(**{**values, **over})


@pytest.mark.parametrize(
    ("over", "usable"),
    [
        ({}, True),
        # Verified at the instant, and one tick after it.
        ({"verified_at": NOON}, True),
        ({"verified_at": NOON + TICK}, False),
        # Exactly as old as it may be, and one tick older.
        ({"verified_at": NOON - 365 * DAY}, True),
        ({"verified_at": NOON - 365 * DAY - TICK}, False),
        # The end is excluded.
        ({"not_after": NOON + TICK}, True),
        ({"not_after": NOON}, False),
        ({"withdrawn_at": NOON + TICK}, True),
        ({"withdrawn_at": NOON}, False),
        ({"assurance": Assurance.HIGH}, True),
        ({"assurance": Assurance.LOW}, False),
        ({"not_after": FOREVER, "verified_at": NOON}, True),
        # Counts from a later instant, and until it has to be asked for again.
        ({"not_before": NOON}, True),
        ({"not_before": NOON + TICK}, False),
        ({"not_before": NOON - 2 * DAY, "verified_at": NOON + TICK}, False),
        ({"recheck_at": NOON + TICK}, True),
        ({"recheck_at": NOON}, False),
        # A genuine document that anybody may have copied shows nothing, nor does a word that nobody vouches for.
        ({"genuineness": Genuineness.REVIEWED, "binding": HolderBinding.PRESENT}, True),
        ({"genuineness": Genuineness.NONE}, False),
        ({"binding": HolderBinding.NONE}, False),
    ],
)
def test_evidence_counts_within_its_bounds(over, usable):
    assert bool(usable_standings([standing(**over)], RULE, NOON)) is usable


def test_an_organizations_word_counts_only_where_counsel_accepts_it():
    refusing = Usable(Assurance.SELF_ASSERTED, 365 * DAY, accept_organization_attestation=False)
    assert usable_standings([standing()], refusing, NOON) == ()
    document = standing(kind=EvidenceKind.DOCUMENT)
    assert usable_standings([document], refusing, NOON) == (document,)


def test_an_age_beyond_the_calendar_is_no_error():
    endless = Usable(Assurance.LOW, timedelta(days=999_999_999), accept_organization_attestation=True)
    assert endless.ends(standing(not_after=FOREVER)) == FOREVER


NOTHING = Declared.NOTHING


@pytest.mark.parametrize(
    ("facts", "declared", "tie", "status"),
    [
        ((), NOTHING, False, PersonStatus.UNKNOWN),
        ((NotForeignPerson(),), NOTHING, False, PersonStatus.NOT_FOREIGN),
        ((ForeignPerson(),), NOTHING, False, PersonStatus.FOREIGN),
        ((NotForeignPerson(), ForeignPerson()), NOTHING, False, PersonStatus.UNKNOWN),
        ((Citizenship("FR"),), NOTHING, True, PersonStatus.UNKNOWN),
        ((Citizenship("US"),), NOTHING, False, PersonStatus.NOT_FOREIGN),
        ((PermanentResidence("US"),), NOTHING, False, PersonStatus.UNKNOWN),
        (
            (ForeignPerson(), Citizenship("FR"), MemberOf("acme", Relation.EMPLOYEE)),
            NOTHING,
            False,
            PersonStatus.FOREIGN,
        ),
        # An admission needs no assurance, but it needs another country or a recognized document.
        ((), Declared.FOREIGN, True, PersonStatus.FOREIGN),
        ((), Declared.FOREIGN, False, PersonStatus.UNKNOWN),
        ((Citizenship("FR"),), Declared.FOREIGN, False, PersonStatus.FOREIGN),
        ((Citizenship("US"),), Declared.FOREIGN, False, PersonStatus.NOT_FOREIGN),
        ((PermanentResidence("FR"),), Declared.FOREIGN, False, PersonStatus.UNKNOWN),
        ((Stateless(),), Declared.FOREIGN, False, PersonStatus.FOREIGN),
        ((Stateless(),), NOTHING, False, PersonStatus.UNKNOWN),
        ((NotForeignPerson(),), Declared.FOREIGN, True, PersonStatus.UNKNOWN),
        ((NotForeignPerson(),), Declared.FOREIGN, False, PersonStatus.NOT_FOREIGN),
        # A declared protected status proves nothing.
        ((), Declared.PROTECTED, True, PersonStatus.UNKNOWN),
        ((ForeignPerson(),), Declared.PROTECTED, True, PersonStatus.FOREIGN),
        # What the text does not settle is not settled by anything but a protected status.
        ((UnsettledStatus(),), NOTHING, True, PersonStatus.UNKNOWN),
        ((UnsettledStatus(), ForeignPerson()), NOTHING, True, PersonStatus.UNKNOWN),
        ((UnsettledStatus(), NotForeignPerson()), NOTHING, True, PersonStatus.NOT_FOREIGN),
        ((), Declared.UNSETTLED, True, PersonStatus.UNKNOWN),
        ((ForeignPerson(),), Declared.UNSETTLED, True, PersonStatus.UNKNOWN),
    ],
)
def test_status_is_what_evidence_says_and_nothing_more(facts, declared, tie, status):
    assert establish_status([standing(*facts)] if facts else [], declared, any_citizenship=tie) is status


@pytest.mark.parametrize("fact", [Citizenship("US"), NotForeignPerson()])
def test_another_states_word_for_us_citizenship_counts_only_where_counsel_accepts_it(fact):
    abroad = [standing(fact, kind=EvidenceKind.FOREIGN_DOCUMENT)]
    assert establish_status(abroad, NOTHING, any_citizenship=False) is PersonStatus.UNKNOWN
    accepted = establish_status(abroad, NOTHING, any_citizenship=False, accept_foreign_word=True)
    assert accepted is PersonStatus.NOT_FOREIGN
    # It is believed against the person's interest all the same.
    admitted = [standing(Citizenship("FR"), kind=EvidenceKind.FOREIGN_DOCUMENT)]
    assert establish_status(admitted, Declared.FOREIGN, any_citizenship=False) is PersonStatus.FOREIGN


@given(
    st.lists(
        st.sampled_from([NotForeignPerson(), ForeignPerson(), Citizenship("CN"), PermanentResidence("DE")]), max_size=5
    )
)
def test_the_order_of_evidence_does_not_matter(facts):
    each = [standing(fact) for fact in facts]
    forwards = establish_status(each, NOTHING, any_citizenship=False)
    assert forwards is establish_status(list(reversed(each)), NOTHING, any_citizenship=False)


@pytest.mark.parametrize(
    ("place", "kind", "over", "status"),
    [
        ("US", "company", {}, PersonStatus.NOT_FOREIGN),
        ("US-DE", "company", {}, PersonStatus.NOT_FOREIGN),
        ("USA", "company", {}, PersonStatus.FOREIGN),
        ("FR", "company", {}, PersonStatus.FOREIGN),
        ("US", "us_government", {}, PersonStatus.NOT_FOREIGN),
        ("US", "foreign_government", {}, PersonStatus.FOREIGN),
        ("INT", "international_organization", {}, PersonStatus.FOREIGN),
        ("US", "company", {"verified": False}, PersonStatus.UNKNOWN),
        ("US", "company", {"suspended": True}, PersonStatus.UNKNOWN),
        ("FR", "company", {"verified": False}, PersonStatus.UNKNOWN),
    ],
)
def test_an_organization_is_what_its_enrollment_says(place, kind, over, status):
    assert establish_organization(Organization("o", "O", place, OrganizationKind(kind), **over), "unset") is status


@pytest.mark.parametrize(
    ("reading", "status"),
    [("unset", PersonStatus.UNKNOWN), ("true", PersonStatus.NOT_FOREIGN), ("false", PersonStatus.FOREIGN)],
)
def test_a_foreign_company_registered_in_the_us_is_what_counsel_reads(reading, status):
    registered = Organization("o", "O", "DE", us_registered=True)
    assert establish_organization(registered, reading) is status
    assert (
        establish_organization(Organization("o", "O", "US-DE", us_registered=True), reading) is PersonStatus.NOT_FOREIGN
    )
    assert establish_organization(Organization("o", "O", "DE"), reading) is PersonStatus.FOREIGN


FACTS = st.one_of(
    st.just(NotForeignPerson()),
    st.just(ForeignPerson()),
    st.just(UnsettledStatus()),
    st.just(Stateless()),
    st.builds(Citizenship, st.sampled_from(["FR", "CN"]), st.none() | st.dates()),
    st.builds(PermanentResidence, st.sampled_from(["GB", "MO"]), st.none() | st.dates()),
    st.builds(MemberOf, st.just("acme"), st.sampled_from(Relation)),
)


@given(FACTS)
def test_writing_then_reading_a_fact_is_the_identity(fact):
    assert fact_from_value(fact_to_value(fact)) == fact


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"fact": "x"},
        {"fact": "citizenship"},
        {"fact": "member_of", "organization": "a", "relation": "boss"},
        {"fact": "citizenship", "country": "FR", "acquired": "soon"},
    ],
)
def test_an_unknown_fact_is_refused(value):
    with pytest.raises(InputError):
        fact_from_value(value)


def test_dates_are_dates():
    assert fact_to_value(Citizenship("FR", date(2020, 1, 2)))["acquired"] == "2020-01-02"


SEVERAL = (Citizenship("FR"), Citizenship("CN"), PermanentResidence("JP"), UnrecognizedNationality("ZZZ"))


@pytest.mark.parametrize(
    ("over", "stays"),
    [
        ({}, SEVERAL),
        # Neither its end nor a later word that leaves something out clears what was shown.
        ({"not_after": NOON - TICK}, SEVERAL),
        ({"recheck_at": NOON - TICK}, SEVERAL),
        ({"withdrawn_at": NOON - HOUR, "withdrawal": Withdrawal.CORRECTED}, SEVERAL),
        ({"withdrawn_at": NOON - HOUR, "withdrawal": Withdrawal.BY_ISSUER}, SEVERAL),
        ({"withdrawn_at": NOON - HOUR, "withdrawal": Withdrawal.BY_OFFICER}, SEVERAL),
        # Who takes back the evidence does not become less foreign by that.
        ({"withdrawn_at": NOON - HOUR, "withdrawal": Withdrawal.BY_PERSON}, (ForeignPerson(), *SEVERAL)),
        # It was never believed: an error that two officers found, evidence that had been revoked, a later word.
        ({"withdrawn_at": NOON - HOUR, "withdrawal": Withdrawal.ERROR}, ()),
        ({"withdrawn_at": NOON - DAY}, ()),
        ({"verified_at": NOON + TICK}, ()),
    ],
)
def test_what_was_shown_once_stays(over, stays):
    assert tuple(adverse_facts([standing(ForeignPerson(), *SEVERAL, **over)], NOON)) == stays


def test_taking_back_what_says_foreign_and_showing_the_contrary_establishes_nothing():
    says = {"declared": Declared.NOTHING, "any_citizenship": False}
    assert establish_status([standing()], **says) is PersonStatus.NOT_FOREIGN
    assert establish_status([standing()], **says, shown_foreign=True) is PersonStatus.UNKNOWN
    assert establish_status([standing(ForeignPerson())], **says, shown_foreign=True) is PersonStatus.FOREIGN


@pytest.mark.parametrize(
    ("facts", "reaches"),
    [
        ((), "whole"),
        ((NotForeignPerson(), MemberOf("acme", Relation.EMPLOYEE)), "whole"),
        ((Stateless(),), "whole"),
        ((ForeignPerson(), Citizenship("FR")), "at_least"),
        ((PermanentResidence("JP"),), "at_least"),
        ((UnrecognizedNationality("ZZZ"),), "at_least"),
    ],
)
def test_nationalities_are_at_least_those_that_are_told(facts, reaches):
    assert completeness(facts) == reaches


@pytest.mark.parametrize(
    ("code", "fact"),
    [
        ("FR", Citizenship("FR")),
        ("FRA", Citizenship("FR")),
        ("D<<", Citizenship("DE")),
        ("XXA", Stateless()),
        ("QS", Stateless()),
        ("XXB", UnrecognizedNationality("XXB")),
        ("XXX", UnrecognizedNationality("XXX")),
        ("QU", UnrecognizedNationality("QU")),
        ("GBN", UnrecognizedNationality("GBN")),
        ("UTO", UnrecognizedNationality("UTO")),
        ("DD", UnrecognizedNationality("DD")),
        ("us", UnrecognizedNationality("us")),
        ("\u00c6G", UnrecognizedNationality("?")),
        ("Frau Muster", UnrecognizedNationality("?")),
    ],
)
def test_what_a_code_shows(code, fact):
    assert nationality_fact(code) == fact
    assert fact_from_value(fact_to_value(fact)) == fact
