from dataclasses import replace
from datetime import timedelta

import pytest

from directives_for_tests import NOON, directive
from licet.directives import (
    DirectiveStatus,
    Force,
    Form,
    Parameters,
    force_at,
    from_document,
    lift,
    parse_directive,
    supersede,
)
from licet.errors import ConflictError
from licet.law import read_country_groups
from licet.terms import parse_instant

AT = parse_instant(NOON)
TICK, DAY = timedelta.resolution, timedelta(days=1)
GROUPS = read_country_groups()
DEFAULT = Parameters()


def document(**over):
    return parse_directive(directive(**over), "f", GROUPS, None)


def made(**over):
    return from_document(document(**over))


@pytest.mark.parametrize(
    ("over", "parameters", "force"),
    [
        ({}, DEFAULT, Force.BINDS),
        ({"effective_at": NOON}, DEFAULT, Force.BINDS),
        ({"effective_at": "2026-06-15T12:00:00.000001Z"}, DEFAULT, None),
        ({"lifted_at": NOON}, DEFAULT, None),
        ({"lifted_at": "2026-06-15T12:00:00.000001Z"}, DEFAULT, Force.BINDS),
        ({"superseded_by": {"id": "D2", "at": NOON}}, DEFAULT, None),
        ({"superseded_by": {"id": "D2", "at": "2026-06-15T12:00:00.000001Z"}}, DEFAULT, Force.BINDS),
        ({"status": "received"}, DEFAULT, Force.BINDS),
        ({"status": "draft"}, DEFAULT, None),
        ({"status": "unauthenticated"}, DEFAULT, None),
        ({"status": "unauthenticated"}, replace(DEFAULT, unauthenticated_directive="enforce"), Force.BINDS),
        ({"status": "enjoined_unconfirmed"}, DEFAULT, Force.UNKNOWN),
        ({"form": "oral"}, DEFAULT, Force.BINDS),
        ({"form": "oral"}, replace(DEFAULT, oral_notice="on_writing"), None),
        ({"form": "written"}, replace(DEFAULT, oral_notice="on_writing"), Force.BINDS),
        ({"form": "oral", "status": "draft"}, DEFAULT, None),
    ],
)
def test_when_a_directive_binds(over, parameters, force):
    assert force_at(made(**over), parameters, AT) is force


def test_every_status_and_form_has_an_answer():
    for status in DirectiveStatus:
        for form in Form:
            force_at(replace(made(), status=status, form=form), DEFAULT, AT)


def test_a_lift_ends_it_at_that_instant():
    lifted = from_document(lift(document(), AT))
    assert lifted.ends == AT
    assert force_at(lifted, DEFAULT, AT) is None
    assert force_at(lifted, DEFAULT, AT - TICK) is Force.BINDS


@pytest.mark.parametrize(
    "over", [{"lifted_at": NOON}, {"superseded_by": {"id": "D2", "at": NOON}}, {"effective_at": NOON}]
)
def test_what_has_ended_or_not_begun_cannot_be_lifted(over):
    with pytest.raises(ConflictError):
        lift(document(**over), AT)


def test_a_successor_takes_its_place_when_it_takes_effect():
    successor = made(id="DIR-2", effective_at=NOON)
    after = from_document(supersede(document(), successor))
    assert after.superseded_by.by == "DIR-2"
    assert after.ends == AT


@pytest.mark.parametrize(
    ("over", "successor"),
    [
        # One agency's order does not end another's.
        ({}, {"issuer": "OFAC"}),
        ({"lifted_at": NOON}, {}),
        ({"effective_at": NOON}, {}),
    ],
)
def test_what_cannot_be_superseded(over, successor):
    with pytest.raises(ConflictError):
        supersede(document(**over), made(**{"id": "DIR-2", "effective_at": NOON, **successor}))
