"""The page about people: its commands run as they are printed, and its table is the one in the code."""

import re

from licet.control import MANDATES, ROUTES
from licet.control.readings import _FROM_THE_LOOSEST
from printed_for_tests import ROOT, assert_said, run_printed

PAGE = (ROOT / "docs" / "people.md").read_text()
BLOCKS = re.findall(r"^```bash licet\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)

SAID = [
    "ada.token",
    "ben.token",
    "cleo.token",
    "proposed, and not done: `item.add` takes a second person",
    "item.add",
    "[own_act]",
    "ada cannot approve what ada proposed",
    "done: item.add, as ada proposed it",
    "approved by ben",
    "stopped for everybody: fable-5",
    "proposed, and not done: `resume`",
    "refused ",
    "withdrew ",
    "the letter of today still stands",
    "your token is in dora.token",
    "proposed, and not done: `administrator.add`",
    "done: administrator.add",
    "instance.create",
    "[not_permitted]",
    "an auditor stops nothing",
    "record.read",
    "dora is no administrator any more",
    "[unauthorized]",
]


def test_the_commands_run_as_they_are_printed():
    assert len(BLOCKS) == 3
    assert_said(run_printed(BLOCKS), SAID)


def test_the_table_is_the_one_in_the_code():
    rows = re.findall(r"^\| `([a-z_.]+)` \| ([a-z, ]+) \| ([a-z ,]+) \| (.*?) ?\|$", PAGE, re.MULTILINE)
    told = {name: (set(who.split(", ")) - {"nobody"}, persons, why) for name, who, persons, why in rows}
    assert len(rows) == len(told)
    assert told == {
        name: (set(mandate.roles), mandate.persons.value, mandate.why) for name, mandate in MANDATES.items()
    }


def test_every_code_of_a_refusal_about_people_is_on_the_page():
    rooms = ROOT / "src" / "licet" / "control"
    sources = [(rooms / f"{name}.py").read_text() for name in ("second", "office", "administration", "mandates")]
    codes = {code for source in sources for code in re.findall(r'code="(\w+)"', source)}
    assert len(codes) > 8
    assert codes <= set(re.findall(r"`(\w+)`", PAGE))


def test_every_route_about_people_is_on_the_page():
    for route in ROUTES:
        if route.split("/")[1] in {"administrators", "pending", "two-persons"} and "}/" not in route:
            assert f"`{route}`" in PAGE, route


def test_the_readings_that_one_may_narrow_alone_are_those_of_the_code():
    page = (ROOT / "docs" / "parameters.md").read_text().split("## What one officer")[1]
    rows = dict(re.findall(r"^\| `(\w+)` \| (`.*`) \|$", page, re.MULTILINE))
    spelled = {
        name: " < ".join(f"`{str(value).lower()}`" for value in order) for name, order in _FROM_THE_LOOSEST.items()
    }
    assert rows == spelled
