"""Every case that was worked out by hand, and every row of it, against the engine."""

import re
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from licet.decisions import Asked, Case, CaseFile, answer, ask, examine, parameters_of, read_cases

TICK = timedelta.resolution
HERE = Path(__file__).parent
FILES = {name: read_cases((HERE / name).read_text(), name) for name in ("public.json", "own.json")}


def _rows():
    for name, file in FILES.items():
        for case in file.cases:
            for number, row in enumerate(case.rows):
                readings = ",".join(f"{key}={value}" for key, value in row.readings.items())
                yield pytest.param(file, case, number, id=f"{name}-{case.id}-{readings or 'itself'}")


@pytest.mark.parametrize(("file", "case", "number"), list(_rows()))
def test_the_answer_is_the_one_worked_out_by_hand(file: CaseFile, case: Case, number: int):
    row = case.rows[number]
    (finding,) = (found for found in examine(file, case, {}) if found.row is row)
    assert finding.actual == row.expected, [f"{ground.rule}: {ground.text}" for ground in finding.grounds]


@pytest.mark.parametrize(
    ("file", "case"), [pytest.param(file, case, id=case.id) for file in FILES.values() for case in file.cases]
)
def test_no_answer_changes_before_it_lapses(file: CaseFile, case: Case):
    """At every instant that the case names, and around it, up to the lapse."""
    asked = ask(case, parameters_of(file.parameters), file.law)
    first = answer(asked.scene, asked.policy, asked.at, stale=asked.stale)
    for instant in {named + shift for named in named_in(asked) for shift in (-TICK, timedelta(), TICK)}:
        if asked.at < instant < first.until:
            later = answer(asked.scene, asked.policy, instant, stale=asked.stale)
            assert (later.outcome, later.until) == (first.outcome, first.until), instant


def named_in(asked: Asked):
    """Every instant and midnight among the values of a case, and one when all its evidence is too old."""
    text = repr((asked.scene, [compiled.directive for compiled in asked.policy.directives]))
    numbers = re.findall(r"datetime\.(?:datetime|date)\(([0-9, ]+)", text)
    yield asked.at + timedelta(days=366)
    for one in numbers:
        year, *rest = map(int, one.strip(", ").split(", "))
        if year < 9999:
            yield datetime(year, *rest, tzinfo=UTC)


def test_case_ids_are_unique_over_both_files():
    ids = Counter(case.id for file in FILES.values() for case in file.cases)
    assert [name for name, times in ids.items() if times > 1] == []


def test_our_own_cases_reach_several_directives_and_every_outcome():
    own = FILES["own.json"].cases
    assert len(own) >= 60
    assert sum(len(case.directives) > 1 for case in own) >= 25
    assert len({case.rows[0].expected for case in own}) == 4
