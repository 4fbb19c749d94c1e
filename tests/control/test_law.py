"""Dated data of the law, replaced on a running instance."""

import copy
import json

from directives_for_tests import directive
from people_for_tests import Office


def test_a_newer_document_takes_effect_at_once_and_on_record(instance):
    instance.items("fable-law")
    office = Office(instance, "lawful")
    key = office.employs("citizen-of-de", "foreign_person", nationalities=("DE",))
    order = directive(id="DIR-LAW", items=[{"id": "fable-law", "basis": "x"}], persons={"nationals_of_groups": ["D:5"]})
    instance.act("/directives", {"text": order, "name": "letter"})
    assert instance.chat(key, "fable-law").status == 502  # permitted, and nobody stands behind the gateway here

    (groups,) = [row for row in instance.act("/law") if row["name"] == "country_groups"]
    assert groups["shipped"]
    document = copy.deepcopy(groups["document"])
    document["groups"]["D:5"].append("DE")
    document["as_of"] = "2027-01-01"
    done = instance.act("/law/country_groups", {"text": json.dumps(document)})
    assert done["loosened_by_one_person"]
    refused = instance.chat(key, "fable-law")
    assert (refused.status, refused.json["outcome"]) == (403, "license_required")
    (record,) = instance.records(act="law.update")
    assert (record["body"]["law"], record["body"]["as_of"]) == ("country_groups", "2027-01-01")
    (groups,) = [row for row in instance.act("/law") if row["name"] == "country_groups"]
    assert (groups["shipped"], groups["as_of"]) == (False, "2027-01-01")

    # What would leave a directive without its group is refused, and nothing changes.
    del document["groups"]["D:5"]
    assert instance.act("/law/country_groups", {"text": json.dumps(document)}, expect=400)["code"] == "invalid_input"
    for text in ("{", "[]", "{}", json.dumps({**document, "as_of": "soon"})):
        assert instance.act("/law/country_groups", {"text": text}, expect=400)["code"] == "bad_law"
    assert instance.act("/law/surprise", {"text": "{}"}, expect=400)["code"] == "unknown_law"
    assert instance.chat(key, "fable-law").json["outcome"] == "license_required"
