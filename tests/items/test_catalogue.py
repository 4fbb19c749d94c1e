from datetime import UTC, datetime

import pytest

from licet.errors import ConflictError, InputError
from licet.items import Catalogue, Item
from licet.items.item import require_model_name

THEN = datetime(2026, 6, 1, tzinfo=UTC)


def item(name, *aliases):
    return Item(name, frozenset(aliases), "main", THEN)


CATALOGUE = Catalogue.of([item("fable-5", "fable-latest", "fable-5-20260609"), item("opus-4.8")])


@pytest.mark.parametrize("name", ["fable-5", "fable-latest", "fable-5-20260609"])
def test_every_name_of_an_item_means_it(name):
    assert CATALOGUE.resolve(name).id == "fable-5"


@pytest.mark.parametrize(
    "name",
    [
        "Fable-5",
        "fable-5 ",
        " fable-5",
        "fable-5-20260610",
        "fable",
        "",
        "openai/fable-5",
        "fable-5\u0000",
        "ﬁable-5",
        "fable‐5",
    ],
)
def test_what_only_resembles_a_name_means_nothing(name):
    assert CATALOGUE.resolve(name) is None


@pytest.mark.parametrize(
    "second", [item("fable-5"), item("other", "fable-latest"), item("other", "FABLE-5"), item("Opus-4.8")]
)
def test_one_name_for_two_items_is_refused(second):
    if second.id == "fable-5":
        assert len(list(Catalogue.of([item("fable-5"), second]))) == 1
        return
    with pytest.raises(ConflictError) as caught:
        Catalogue.of([item("fable-5", "fable-latest"), item("opus-4.8"), second])
    assert caught.value.code == "name_taken"


def test_items_come_once_and_in_order():
    assert [x.id for x in CATALOGUE] == ["fable-5", "opus-4.8"]


@pytest.mark.parametrize("name", ["a", "gpt-4.1", "ft:base:org::id", "bedrock/fable-5", "x@2026", "A_b"])
def test_names_that_a_model_can_have(name):
    assert require_model_name(name) == name


@pytest.mark.parametrize("name", ["", "-x", "a b", "a\n", "é", "x" * 129, "/x", "a\u200bb"])
def test_names_that_no_model_can_have(name):
    with pytest.raises(InputError):
        require_model_name(name)
