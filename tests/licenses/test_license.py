from datetime import UTC, datetime, timedelta

import pytest

from licet.licenses import Claim, Claimant, License, covers, holder_of_organization, holder_of_person
from licet.parties import Relation
from licet.terms import Coverage, Truth

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta.resolution
EMPLOYEE, CONTRACTOR, MEMBER = Relation
LAB, OTHER = holder_of_organization("lab-fr"), holder_of_organization("lab-fr-holding")
P1, P2 = holder_of_person("p1"), holder_of_person("p2")


def license_(*holders, **over):
    values = {"items": frozenset({"fable-5"}), "valid_from": NOON - DAY, "valid_until": NOON + DAY, "employees": True}
    return License("D900001", holders=frozenset(holders or {LAB}), **{**values, **over})


def claim(claimant, **over):
    values = {
        "requirements": frozenset({"directive"}),
        "items": frozenset({"fable-5", "fable-5-20260609"}),
        "places": frozenset({"FR"}),
        "end_uses": frozenset(),
        "ask_contractors": False,
        "third_country_covered": True,
    }
    return Claim(claimant=claimant, **{**values, **over})


def worker(relation=EMPLOYEE, employer=LAB, **over):
    return Claimant(P1, employer, relation, **over)


def national(answer):
    return worker(national_of=lambda groups: answer if groups == frozenset({"D:5"}) else Truth.UNKNOWN)


NONE, COVERED, UNKNOWN = Coverage.NONE, Coverage.COVERED, Coverage.UNKNOWN
EXCLUDING = license_(excluded_nationals_of=frozenset({"D:5"}))

TABLE = [
    # Whom it names.
    (license_(), claim(Claimant(LAB)), COVERED),
    (license_(), claim(Claimant(OTHER)), NONE),
    (license_(P1), claim(Claimant(P1)), COVERED),
    (license_(P1), claim(Claimant(P2)), NONE),
    (license_(), claim(Claimant(None)), NONE),
    # A person and an organization of one name are two.
    (license_(holder_of_organization("p1")), claim(Claimant(P1)), NONE),
    # Employees of the one named; not its contractors, not another's.
    (license_(), claim(worker()), COVERED),
    (license_(), claim(worker(CONTRACTOR)), NONE),
    (license_(), claim(worker(CONTRACTOR), ask_contractors=True), UNKNOWN),
    (license_(), claim(worker(MEMBER), ask_contractors=True), NONE),
    (license_(), claim(worker(None)), UNKNOWN),
    (license_(), claim(worker(employer=OTHER)), NONE),
    (license_(employees=False), claim(worker()), NONE),
    (license_(employees=False), claim(worker(None)), NONE),
    (license_(P1, employees=False), claim(worker(CONTRACTOR)), COVERED),
    (license_(), claim(Claimant(None, LAB, EMPLOYEE)), COVERED),
    # A body that was renamed, and its people.
    (license_(), claim(Claimant(OTHER, formerly=LAB)), UNKNOWN),
    (license_(), claim(worker(employer=OTHER, formerly=LAB)), UNKNOWN),
    (license_(), claim(worker(CONTRACTOR, employer=OTHER, formerly=LAB)), NONE),
    (license_(employees=False), claim(worker(employer=OTHER, formerly=LAB)), NONE),
    (license_(), claim(Claimant(LAB, formerly=OTHER)), COVERED),
    # Nationals it leaves out, and of third countries.
    (EXCLUDING, claim(national(Truth.YES)), NONE),
    (EXCLUDING, claim(national(Truth.NO)), COVERED),
    (EXCLUDING, claim(national(Truth.UNKNOWN)), UNKNOWN),
    (EXCLUDING, claim(Claimant(LAB)), COVERED),
    (license_(), claim(national(Truth.YES)), COVERED),
    (license_(), claim(worker(third_country=Truth.YES)), COVERED),
    (license_(), claim(worker(third_country=Truth.YES), third_country_covered=False), NONE),
    (license_(), claim(worker(third_country=Truth.NO), third_country_covered=False), COVERED),
    (license_(), claim(worker(third_country=Truth.UNKNOWN), third_country_covered=False), UNKNOWN),
    (license_(P1), claim(worker(third_country=Truth.YES), third_country_covered=False), COVERED),
    # When.
    (license_(valid_from=NOON), claim(Claimant(LAB)), COVERED),
    (license_(valid_from=NOON + TICK), claim(Claimant(LAB)), NONE),
    (license_(valid_until=NOON + TICK), claim(Claimant(LAB)), COVERED),
    (license_(valid_until=NOON), claim(Claimant(LAB)), NONE),
    (license_(revoked_at=NOON + TICK), claim(Claimant(LAB)), COVERED),
    (license_(revoked_at=NOON), claim(Claimant(LAB)), NONE),
    (license_(active=False), claim(Claimant(LAB)), NONE),
    (license_(valid_until=NOON), claim(worker(None)), NONE),
    # How often.
    (license_(usage_limit=100, used=99), claim(Claimant(LAB)), COVERED),
    (license_(usage_limit=100, used=100), claim(Claimant(LAB)), NONE),
    (license_(usage_limit=None, used=100), claim(Claimant(LAB)), COVERED),
    # What, and which requirement.
    (license_(items=frozenset({"mythos-5"})), claim(Claimant(LAB)), NONE),
    (license_(items=frozenset({"mythos-5", "fable-5-20260609"})), claim(Claimant(LAB)), COVERED),
    (license_(), claim(Claimant(LAB), requirements=frozenset({"entity_list"})), NONE),
    (
        license_(requirements=frozenset({"entity_list"})),
        claim(Claimant(LAB), requirements=frozenset({"entity_list"})),
        COVERED,
    ),
    (license_(requirements=frozenset({"entity_list"})), claim(Claimant(LAB)), NONE),
    # Where.
    (license_(countries=frozenset({"FR"})), claim(Claimant(LAB)), COVERED),
    (license_(countries=frozenset({"DE"})), claim(Claimant(LAB)), NONE),
    (license_(countries=frozenset({"FR"})), claim(Claimant(LAB), places=frozenset()), UNKNOWN),
    (license_(), claim(Claimant(LAB), places=frozenset()), COVERED),
    # To what end, and on which conditions.
    (license_(end_uses=frozenset({"safety"})), claim(Claimant(LAB), end_uses=frozenset({"safety"})), COVERED),
    (license_(end_uses=frozenset({"safety"})), claim(Claimant(LAB), end_uses=frozenset({"sales"})), NONE),
    (license_(end_uses=frozenset({"safety"})), claim(Claimant(LAB)), UNKNOWN),
    (license_(conditions_shown=False), claim(Claimant(LAB)), UNKNOWN),
    # A failure outweighs a missing fact.
    (license_(conditions_shown=False, countries=frozenset({"DE"})), claim(Claimant(LAB)), NONE),
    (license_(conditions_shown=False), claim(Claimant(OTHER)), NONE),
]


@pytest.mark.parametrize(("authorization", "asked", "expected"), TABLE)
def test_what_a_license_covers(authorization, asked, expected):
    assert covers(authorization, asked, NOON) is expected


def test_it_ends_with_the_earlier_of_its_end_and_its_revocation():
    assert license_().ends == NOON + DAY
    assert license_(revoked_at=NOON).ends == NOON
    assert license_(revoked_at=NOON + 2 * DAY).ends == NOON + DAY
