"""`licet impact` over a real instance's store, running or not; the page is whole and by itself."""

import re
from contextlib import closing
from html.parser import HTMLParser

import pytest

from directives_for_tests import directive
from instance_for_tests import fresh_instance
from licet.demo.standin import StandIn
from places_for_tests import short_directory
from servers_for_tests import running
from streams_for_tests import begin


@pytest.fixture(scope="module")
def peopled():
    """Four persons: of a US organization, of a French one, of none, and one whose answer is being given."""
    with short_directory() as directory, running(StandIn()) as upstream, fresh_instance(directory, upstream) as made:
        made.items("fable-5", "sonata-3")
        for name, place in (("acme", "US-DE"), ("lab-fr", "FR")):
            made.act("/organizations", {"id": name, "name": name, "organized_under": place})
        for party, organization in (("us-1", "acme"), ("us-2", "acme"), ("fr-1", "lab-fr"), ("alone-1", None)):
            made.party_key(party, organization)
        yield made


@pytest.fixture
def draft(tmp_path):
    path = tmp_path / "draft.json"
    path.write_text(directive(id="DRAFT-1"))
    return path


def test_three_bands_are_counted(licet, peopled, draft):
    found = licet("impact", draft, "--dir", peopled.directory, "--json").json
    assert (found["draft"], found["items"], found["persons"], found["organizations"]) == ("DRAFT-1", ["fable-5"], 4, 2)
    rows = {(row["band"], row["outcome"]): (row["persons"], row["machines_of"]) for row in found["rows"]}
    assert rows == {
        ("verified", "permit"): (0, 1),
        ("verified", "license_required"): (1, 1),
        ("inferred", "permit"): (2, 0),
        ("unknown", "needs_evidence"): (1, 0),
    }
    reached = found["persons_reached"]
    assert (reached["loses_verified"], reached["asked"], reached["loses_unknown"]) == (1, 2, 1)
    assert {row["country"] for row in found["countries"]} == {"US", "FR", None}
    shown = licet("impact", draft, "--dir", peopled.directory)
    assert "1 would lose access, by verified evidence and enrollment" in shown.out
    assert "estimate" in shown.out
    assert shown.err == ""


def test_running_answers_that_would_be_cut_are_counted(licet, peopled, draft):
    body = {"model": "fable-5", "stream": True, "messages": [{"role": "user", "content": "[[chunks=400 every=50ms]]"}]}
    stream = begin(peopled.gateway, "/v1/chat/completions", body, peopled.keys["fr-1"])
    with closing(stream.connection), closing(stream):
        stream.read(1)
        found = licet("impact", draft, "--dir", peopled.directory, "--json").json
    assert found["running_answers_cut"] == 1
    assert found["running_answers"] == [{"item": "fable-5", "outcome": "license_required", "answers": 1, "cut": True}]


def test_bills_are_an_estimate_too(licet, peopled, draft, tmp_path):
    bills = tmp_path / "bills.csv"
    bills.write_text("id,country\nalone-1,FR\nacme,DE\n")
    found = licet("impact", draft, "--billing", bills, "--dir", peopled.directory, "--json").json
    rows = {(row["band"], row["outcome"]): row["persons"] for row in found["rows"]}
    # acme's place and its bills disagree: nothing is inferred of its people.
    assert rows["inferred", "license_required"] == 1
    assert rows["unknown", "needs_evidence"] == 2
    assert found["billing_countries"] == 2


@pytest.mark.parametrize(
    "text", ["name,land\na,FR\n", "id,country\nacme,XX\n", "id,country\n,FR\n", "id,country\na,FR\na,DE\n", ""]
)
def test_bad_bills_are_refused(licet, peopled, draft, tmp_path, text):
    bills = tmp_path / "bills.csv"
    bills.write_text(text)
    refused = licet("impact", draft, "--billing", bills, "--dir", peopled.directory, "--json")
    assert (refused.code, refused.error["code"]) == (1, "bad_billing")


class Page(HTMLParser):
    """The page's tags in order, and its text."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.links, self.words = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.links += [v for n, v in attributes if n in {"src", "href", "xlink:href"} and not v.startswith("#")]

    def handle_data(self, data):
        self.words.append(data)


def test_the_page_is_whole_and_needs_no_network(licet, peopled, draft, tmp_path):
    out = tmp_path / "impact.html"
    assert licet("impact", draft, "--html", out, "--dir", peopled.directory).code == 0
    text = out.read_text()
    page = Page(text)
    names = [tag for tag, _ in page.tags]
    assert page.links == []
    assert not {"script", "link", "iframe", "img"} & set(names)
    assert not re.search(r"url\((?!#)|@import", text)
    assert ("html", {"lang": "en"}) in page.tags
    assert [name for name in names if re.fullmatch("h[1-6]", name)] == ["h1", *["h2"] * 5]
    picture = next(attributes for _, attributes in page.tags if attributes.get("role") == "img")
    assert "fable-5, inferred (estimate), served: 2 persons" in picture["aria-label"]
    assert names.index("svg") < names.index("table", names.index("svg"))
    assert names.count("caption") == names.count("table") >= 3
    assert all("scope" in attributes for tag, attributes in page.tags if tag == "th")
    assert "@media print" in text
    assert "licet gives no legal advice" in "".join(page.words)
    again = licet("impact", draft, "--html", out, "--dir", peopled.directory, "--json")
    assert (again.code, again.error["code"]) == (1, "file_exists")


def test_the_page_says_nothing_that_was_not_escaped():
    from licet.cli.impact_page import page_of

    counts = dict.fromkeys(("loses_verified", "loses_inferred", "loses_unknown", "asked", "loses_nothing"), 0)
    text = page_of(
        {
            "draft": "<b>",
            "at": "2026-06-15T12:00:00Z",
            "items": ["<i>"],
            "persons": 0,
            "organizations": 0,
            "persons_reached": counts,
            "organizations_reached": counts,
            "rows": [],
            "countries": [],
            "running_answers": None,
            "running_answers_cut": None,
        }
    )
    assert "<b>" not in text
    assert "<i>" not in text
    assert "not running" in text


def test_without_the_extra_it_says_what_to_install(licet, peopled, draft, tmp_path, monkeypatch):
    monkeypatch.setattr("licet.cli.impact_page.find_spec", lambda _: None)
    refused = licet("impact", draft, "--html", tmp_path / "x.html", "--dir", peopled.directory, "--json")
    assert (refused.code, refused.error["code"]) == (1, "extra_missing")
    assert "pip install licet[charts]" in refused.error["message"]
    assert licet("impact", draft, "--dir", peopled.directory).code == 0


def test_a_file_that_is_no_draft_is_refused(licet, peopled, tmp_path):
    path = tmp_path / "bad.json"
    path.write_text(directive(items=[{"id": "no-such-model", "basis": "x"}]))
    assert licet("impact", path, "--dir", peopled.directory, "--json").error["code"] == "invalid_document"
    path.write_text(directive(lifted_at="2026-06-13T00:00:00Z"))
    assert licet("impact", path, "--dir", peopled.directory, "--json").error["code"] == "directive_ended"
    assert licet("impact", path, "--json").error["code"] == "usage"


def test_an_instance_that_does_not_run_is_read_all_the_same(licet, draft):
    with short_directory() as directory:
        with fresh_instance(directory, "http://127.0.0.1:9") as made:
            made.items("fable-5")
            made.party_key("p-1")
        found = licet("impact", draft, "--dir", directory, "--json").json
        assert (found["persons"], found["running_answers"], found["running_answers_cut"]) == (1, None, None)
        assert "the instance does not run" in licet("impact", draft, "--dir", directory).out
