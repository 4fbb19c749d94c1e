from datetime import UTC, datetime, timedelta

import pytest

from licet.licenses import Claimant, License, covers, holder_of_organization, holder_of_person
from licet.parties import Relation
from licet.terms import Coverage

NOON = datetime(2026, 6, 15, 12, tzinfo=UTC)
DAY, TICK = timedelta(days=1), timedelta.resolution
EMPLOYEE, CONTRACTOR, MEMBER = Relation
LAB, OTHER = holder_of_organization("lab-fr"), holder_of_organization("lab-fr-holding")
P1, P2 = holder_of_person("p1"), holder_of_person("p2")


def license_(*holders, **over):
    values = {"items": frozenset({"fable-5"}), "valid_from": NOON - DAY, "valid_until": NOON + DAY, "employees": True}
    return License("D900001", holders=frozenset(holders or {LAB}), **{**values, **over})


TABLE = [
    # Whom it names.
    (license_(), Claimant(LAB), Coverage.COVERED),
    (license_(), Claimant(OTHER), Coverage.NONE),
    (license_(P1), Claimant(P1), Coverage.COVERED),
    (license_(P1), Claimant(P2), Coverage.NONE),
    (license_(), Claimant(None), Coverage.NONE),
    # A person and an organization of one name are two.
    (license_(holder_of_organization("p1")), Claimant(P1), Coverage.NONE),
    # Employees of the one named; not its contractors, not another's.
    (license_(), Claimant(P1, LAB, EMPLOYEE), Coverage.COVERED),
    (license_(), Claimant(P1, LAB, CONTRACTOR), Coverage.NONE),
    (license_(), Claimant(P1, LAB, MEMBER), Coverage.NONE),
    (license_(), Claimant(P1, LAB, None), Coverage.UNKNOWN),
    (license_(), Claimant(P1, OTHER, EMPLOYEE), Coverage.NONE),
    (license_(employees=False), Claimant(P1, LAB, EMPLOYEE), Coverage.NONE),
    (license_(employees=False), Claimant(P1, LAB, None), Coverage.NONE),
    (license_(P1, employees=False), Claimant(P1, LAB, CONTRACTOR), Coverage.COVERED),
    (license_(), Claimant(None, LAB, EMPLOYEE), Coverage.COVERED),
    # When.
    (license_(valid_from=NOON), Claimant(LAB), Coverage.COVERED),
    (license_(valid_from=NOON + TICK), Claimant(LAB), Coverage.NONE),
    (license_(valid_until=NOON + TICK), Claimant(LAB), Coverage.COVERED),
    (license_(valid_until=NOON), Claimant(LAB), Coverage.NONE),
    (license_(revoked_at=NOON + TICK), Claimant(LAB), Coverage.COVERED),
    (license_(revoked_at=NOON), Claimant(LAB), Coverage.NONE),
    (license_(valid_until=NOON), Claimant(P1, LAB, None), Coverage.NONE),
    # What.
    (license_(items=frozenset({"mythos-5"})), Claimant(LAB), Coverage.NONE),
    (license_(items=frozenset({"mythos-5", "fable-5"})), Claimant(LAB), Coverage.COVERED),
]


@pytest.mark.parametrize(("authorization", "claimant", "expected"), TABLE)
def test_what_a_license_covers(authorization, claimant, expected):
    assert covers(authorization, claimant, "fable-5", NOON) is expected


def test_it_ends_with_the_earlier_of_its_end_and_its_revocation():
    assert license_().ends == NOON + DAY
    assert license_(revoked_at=NOON).ends == NOON
    assert license_(revoked_at=NOON + 2 * DAY).ends == NOON + DAY
