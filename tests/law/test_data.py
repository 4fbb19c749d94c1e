import copy

import pytest

from licet.errors import InputError
from licet.law import LAW_DOCUMENTS, law_document, read_law

SHIPPED = {name: law_document(name, {}) for name in LAW_DOCUMENTS}


def changed(name, **members):
    document = copy.deepcopy(dict(SHIPPED[name]))
    document.update(members)
    return {name: document}


def test_what_is_shipped_is_read_unless_it_was_replaced():
    assert read_law({}) == read_law(SHIPPED)
    groups = {**SHIPPED["country_groups"]["groups"], "E:2": []}
    newer = read_law(changed("country_groups", as_of="2027-01-01", groups=groups))
    assert newer.groups.as_of == "2027-01-01"
    # What names a group follows the group.
    assert "CU" in read_law({}).listing.embargoed
    assert "CU" not in newer.listing.embargoed


@pytest.mark.parametrize(
    "replaced",
    [
        {"surprise": {}},
        {"country_groups": {}},
        {"country_groups": {"as_of": "2027-01-01", "citation": "x", "groups": {"D:5": ["XX"]}}},
        changed("country_groups", as_of="soon"),
        changed("country_groups", as_of=None),
        changed("country_groups", groups=[]),
        changed("country_groups", groups={"D:5": ["CN"]}),  # the listing rules name E:1
        {"listing_rules": {}},
        changed("listing_rules", as_of="2027"),
        changed("listing_rules", license_exception_aia={"countries": ["ZZ"]}),
        changed("listing_rules", affiliates_rule={"in_force": [{"from": "never", "until": None}]}),
        changed("listing_rules", embargoed_places={"groups": ["E:9"], "regions": []}),
        changed("listing_rules", military_end_user=7),
    ],
)
def test_what_is_no_such_document_is_refused(replaced):
    with pytest.raises(InputError):
        read_law(replaced)


def test_there_are_no_other_documents():
    with pytest.raises(InputError, match="surprise"):
        law_document("surprise", {})
