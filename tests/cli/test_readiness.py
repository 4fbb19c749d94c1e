"""`licet readiness` beside a real instance: use is counted, a letter is supposed, and then one comes."""

import json

import pytest

from directives_for_tests import directive
from instance_for_tests import call, fresh_instance
from licet.demo.standin import StandIn
from places_for_tests import short_directory
from servers_for_tests import running
from standin_for_tests import eventually


@pytest.fixture(scope="module")
def used():
    """One person of no organization, a French laboratory's machines, and what they used."""
    with short_directory() as directory, running(StandIn()) as upstream, fresh_instance(directory, upstream) as made:
        made.items("fable-5", "sonata-3")
        made.act("/organizations", {"id": "lab-fr", "name": "Lab", "organized_under": "FR"})
        alone = made.party_key("alone-1")
        lab = made.act("/keys", {"organization": "lab-fr", "serves": "machine"})["result"]["key"]
        for _ in range(3):
            assert made.chat(alone, "fable-5").status == 200
        assert made.chat(alone, "fable-5", stream=True, stream_options={"include_usage": True}).status == 200
        assert made.chat(lab, "fable-5").status == 200
        assert made.chat(lab, "sonata-3").status == 200
        assert made.chat(alone, "no-such-model").status == 404
        eventually(lambda: made.act("/readiness")["all"]["requests"] == 6, patience_s=10)
        yield made


def test_a_letter_is_supposed_over_what_was_used(licet, used):
    found = licet("readiness", "--dir", used.directory, "--json").json
    assert found["all"] == {"requests": 6, "callers": 2, "tokens": found["all"]["tokens"]}
    assert found["all"]["tokens"] >= 5 * 16
    assert (found["to_show"]["requests"], found["barred"]["requests"], found["kept"]["requests"]) == (4, 2, 0)
    assert found["lawful_share"]["requests"] == 0.0
    assert {one["evidence"] for one in found["evidence"]} == {"nothing_shown", "organization_checked"}


def test_a_letter_about_one_item_leaves_the_other(licet, used):
    found = licet("readiness", "--item", "sonata-3", "--dir", used.directory, "--json").json
    assert (found["all"]["requests"], found["barred"]["requests"]) == (1, 1)


def test_people_are_told_in_words(licet, used):
    shown = licet("readiness", "--dir", used.directory)
    assert shown.code == 0
    assert "no evidence" in shown.out
    assert "the least that it can be" in shown.out


@pytest.mark.parametrize(
    ("words", "code"), [(("--item", "nothing-like-it"), "unknown_item"), (("--item", "fable-5", "--curve"), "usage")]
)
def test_wrong_words_are_refused(licet, used, words, code):
    ran = licet("readiness", *words, "--dir", used.directory, "--json")
    assert ran.code != 0
    assert ran.error["code"] == code


def test_a_curve_begins_with_its_directive(licet, used):
    used.act("/directives", {"text": directive(id="D-CURVE"), "name": "d.json"})
    eventually(lambda: used.act("/returns"), patience_s=10)
    (curve,) = licet("readiness", "--curve", "--dir", used.directory, "--json").json
    assert curve["directive"] == "D-CURVE"
    assert (curve["now"]["to_show"]["requests"], curve["now"]["barred"]["requests"]) == (4, 1)
    assert curve["marks"] == [{"after_minutes": m, "lawful_share": None} for m in (90, 1440, 4320)]
    shown = licet("readiness", "--curve", "--dir", used.directory)
    assert "D-CURVE, since" in shown.out
    assert "90 min" in shown.out

    def share():
        page = call(used.control + "/metrics", headers={"authorization": f"Bearer {used.token}"}).body.decode()
        return [line for line in page.splitlines() if line.startswith("licet_return_share{")]

    eventually(share, patience_s=10)
    assert 'licet_return_share{directive="D-CURVE",measure="requests"} 0.0' in share()


def test_counts_name_nobody(used):
    for path in ("/readiness", "/returns"):
        told = json.dumps(used.act(path))
        assert "alone-1" not in told
        assert "lab-fr" not in told
