"""The page for operators and the dashboard name the metrics that exist, and all of them."""

import json
import re
from pathlib import Path

import msgspec
import pytest

from licet.app.access_log import MOST_LINES
from licet.control.returning import return_share
from licet.control.reviews import review_gauges
from licet.gateway import Gauges, Metrics
from licet.gateway.metrics import MOST_ROWS, OTHER_ITEM
from licet.gateway.seen import _Line

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "operations.md").read_text()
DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "licet.json").read_text())
EXPRESSIONS = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",)}


def families():
    """Every metric by its name in the exposition, with its kind."""
    found = [*Metrics().families(Gauges(0, 0.0, 0.0, 0, 0, 0, 0)), return_share({})]
    found += review_gauges({"open": 0, "overdue": 0})
    return {family.name + ("_total" if family.type == "counter" else ""): family for family in found}


def test_every_metric_has_its_row_and_no_other_has_one():
    rows = dict(re.findall(r"^\| `(licet_\w+)` \| (\w+) ", PAGE, re.MULTILINE))
    assert rows == {name: family.type for name, family in families().items()}


def test_the_dashboard_asks_for_metrics_that_exist_and_for_all_of_them():
    samples = {family.name + end: name for name, family in families().items() for end in SUFFIXES[family.type]}
    queried = {name for expression in EXPRESSIONS for name in re.findall(r"\blicet_\w+", expression)}
    assert queried <= set(samples)
    assert {samples[name] for name in queried} == set(families())


def test_the_dashboard_groups_by_labels_that_exist():
    labels = {"le", "instance", *(label for family in families().values() for label in family._labelnames)}
    grouped = {name for expression in EXPRESSIONS for name in re.findall(r"by \((\w+)\)", expression)}
    assert grouped <= labels


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_query_is_balanced(expression):
    for opening, closing in ("()", "{}", "[]"):
        assert expression.count(opening) == expression.count(closing)


def test_panels_have_ids_of_their_own_and_do_not_overlap():
    panels = DASHBOARD["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [
        (place["x"] + x, place["y"] + y)
        for place in (panel["gridPos"] for panel in panels)
        for x in range(place["w"])
        for y in range(place["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def test_the_line_that_is_shown_has_the_members_that_are_written():
    shown = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])
    assert list(shown) == [field.name for field in msgspec.structs.fields(_Line)]


def test_bounds_on_the_page_are_those_of_the_code():
    assert f"{MOST_ROWS:,}" in PAGE
    assert f"{MOST_LINES:,}" in PAGE
    assert f"`{OTHER_ITEM}`" in PAGE
