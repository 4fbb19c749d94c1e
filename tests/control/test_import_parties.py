"""Many persons in one act: two must agree, each comes once, and the record says how many and which without names."""

import json

import pytest

from instance_for_tests import fresh_instance
from licet.cli import run
from licet.control import bodies
from licet.errors import InputError
from licet.terms import digest
from standin_for_tests import eventually


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    with fresh_instance(tmp_path_factory.mktemp("import") / "i", "http://127.0.0.1:9") as instance:
        instance.act("/organizations", {"id": "acme", "name": "Acme", "organized_under": "US-DE"})
        yield instance


def test_many_are_enrolled_in_one_act(made):
    many = [[f"p-{number}", "acme" if number % 2 else None] for number in range(250)]
    before = made.act("/status")["policy"]["feed"]
    assert made.act("/parties/import", {"parties": many})["result"] == 250
    assert made.act("/parties/p-7")["party"]["organization"] == "acme"
    assert made.act("/parties/p-8")["party"]["organization"] is None
    assert made.act("/status")["policy"]["feed"] == before + 250
    (record,) = eventually(lambda: made.records(act="party.import"))
    body = record["body"]
    assert (body["parties"], body["effect"], body["feed_changes"]) == (250, "loosens", 250)
    assert body["feed"] == [before + 1, before + 250]
    assert body["digest"] == digest(sorted([name, organization or ""] for name, organization in many))
    assert "p-7" not in str(body)


def test_who_is_enrolled_comes_to_the_organization_that_is_named(made):
    made.act("/parties", {"id": "mover"})
    made.act("/parties/import", {"parties": [["mover", "acme"]]})
    assert made.act("/parties/mover")["party"]["organization"] == "acme"


@pytest.mark.parametrize(
    ("parties", "status", "code"),
    [
        ([["p-x", "nobody"]], 404, "unknown_organization"),
        ([["p-x", None], ["p-x", "acme"]], 400, "party_twice"),
        ([["not a pseudonym", None]], 422, None),
        ([], 422, None),
        ([["p-x"]], 422, None),
    ],
)
def test_what_cannot_be_enrolled_enrolls_nobody(made, parties, status, code):
    before = made.act("/status")["policy"]["feed"]
    answer = made.act("/parties/import", {"parties": parties}, expect=status)
    assert code is None or answer["code"] == code
    assert made.act("/status")["policy"]["feed"] == before


def test_there_is_a_bound():
    with pytest.raises(ValueError, match="at most 100000"):
        bodies.ManyParties(parties=[[f"p-{n}", None] for n in range(100_001)])
    with pytest.raises(InputError):
        bodies.ManyParties(parties=[["a", None], ["a", None]]).to_parties()


def test_what_is_exported_is_what_was_imported(made, tmp_path, capsys):
    here = ["--dir", str(made.directory), "--json"]
    table, out = tmp_path / "people.csv", tmp_path / "out.csv"
    table.write_text("id,organization\n" + "".join(f"x-{n:05},{'acme' if n % 2 else ''}\n" for n in range(10_500)))
    assert run(["party", "import", str(table), *here]) == 0
    assert json.loads(capsys.readouterr().out)["result"] == 10_500
    assert run(["party", "export", str(out), *here]) == 0
    assert json.loads(capsys.readouterr().out)["persons"] >= 10_500
    assert set(table.read_text().splitlines()) <= set(out.read_text().splitlines())
    assert run(["party", "import", str(out), *here]) == 0
    capsys.readouterr()
    assert run(["party", "export", str(out), *here]) == 1  # it is there


@pytest.mark.parametrize(
    "text", ["name\nx\n", "id,organization,name\n", "id\nx\nx\n", "\xff".encode("latin-1").decode("latin-1")]
)
def test_a_table_that_is_none_imports_nobody(made, tmp_path, capsys, text):
    table = tmp_path / "people.csv"
    table.write_text(text, encoding="latin-1")
    before = made.act("/status")["policy"]["feed"]
    assert run(["party", "import", str(table), "--dir", str(made.directory), "--json"]) == 1
    assert made.act("/status")["policy"]["feed"] == before


@pytest.mark.parametrize("query", ["limit=0", "limit=10001", "limit=x"])
def test_a_page_has_a_size(made, query):
    made.act(f"/parties?{query}", expect=422)
    assert [row["id"] for row in made.act("/parties?limit=1&after=p-9")] == [
        row["id"] for row in made.act("/parties?after=p-9")
    ][:1]
