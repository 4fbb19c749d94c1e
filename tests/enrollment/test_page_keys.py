"""Keys and links that do not go together, and visits that are not their own."""

import pytest

from licet.enrollment import MOST_TRIES
from licet.enrollment.tickets import LIFETIME
from licet.fleet import Clock
from pages_for_tests import Surfer, link_of, made_link, next_person, party_of, way
from standin_for_tests import eventually

WORKERS = 2
MARKUP = "<script>alert(1)</script>\"'&{model}{{7*7}}"
NOT_FOREIGN, FOREIGN = "not_foreign_person", "foreign_person"


# Keys and links that do not go together.


def test_anothers_link_with_ones_own_key(instance, office, link, key, surfer):
    own = office.employs(next_person())
    page = surfer.get(link)
    answer = surfer.send(link, {"token": page.token, "key": own})
    assert answer.status == 403
    assert "the link was made for another key" in answer.words
    assert "fable" not in answer.text
    assert surfer.get(way(link)).status == 303


def test_another_key_of_the_same_person_is_another_key(instance, link, key, surfer):
    second = instance.act("/keys", {"party": party_of(instance)})["result"]["key"]
    answer = surfer.send(link, {"token": surfer.get(link).token, "key": second})
    assert "the link was made for another key" in answer.words


WRONG_KEYS = [
    "",
    "nonsense",
    "lk_x_" + "0" * 48,
    "a.b.c",
    "k\u00e9y",
    "two words",
    "x" * 9000,
    "a\nlicet-end-user: b",
]


@pytest.mark.parametrize("wrong", WRONG_KEYS, ids=range(len(WRONG_KEYS)))
def test_a_wrong_key(link, surfer, wrong):
    answer = surfer.send(link, {"token": surfer.get(link).token, "key": wrong})
    assert answer.status == 403
    assert "This is not a valid API key" in answer.words
    assert answer.title.startswith("Error: ")
    assert wrong[:40] not in answer.text or not wrong


def test_what_else_a_browser_sends_proves_nothing(link, surfer, key):
    answer = surfer.send(link, {"token": surfer.get(link).token, "key": "nonsense"}, authorization=f"Bearer {key}")
    assert answer.status == 403
    answer = surfer.get(f"{link}?key={key}", **{"x-api-key": key})
    assert "Show that this link is yours" in answer.words


def test_keys_are_tried_so_often_and_no_more_at_all_workers_together(link, key):
    for _ in range(MOST_TRIES):
        surfer = Surfer(language="en")
        assert surfer.send(link, {"token": surfer.get(link).token, "key": "nonsense"}).status == 403
    surfer = Surfer(language="en")
    answer = surfer.send(link, {"token": surfer.get(link).token, "key": key})
    assert answer.status == 429
    assert "Too many tries" in answer.words


def test_a_revoked_key_is_out_at_once(instance, inside, link, key):
    instance.act(f"/keys/{key.split('_')[1]}/revoke", {})
    eventually(lambda: "Show that this link is yours" in inside.get(link).words)
    assert inside.get(way(link)).status == 303


def test_links_that_lead_nowhere_look_alike(instance, key, link):
    now = Clock().now()
    assert Surfer().get(made_link(instance, key, now)).status == 200
    expired = made_link(instance, key, now - LIFETIME)
    others = made_link(instance, key, now, secret=b"o" * 32)
    wrong = [expired, others, link[:-1], link + "A", link.rsplit("/", 1)[0] + "/x"]
    answers = [Surfer(language="en").get(one) for one in wrong]
    assert {answer.status for answer in answers} == {404}
    assert len({answer.body for answer in answers}) == 1
    assert all(answer.header("set-cookie") is None for answer in answers)
    for one in wrong:
        assert Surfer().send(one, {"key": key}).status == 404
        assert Surfer().get(way(one)).status == 404


def test_what_has_been_hidden_since_looks_like_nothing(instance, key, surfer):
    now = Clock().now()
    for model in ("secret-1", "gone-1"):
        hidden = made_link(instance, key, now, model)
        assert surfer.prove(hidden, key).status == 404


# Forms that are not ours, or not any more.


@pytest.mark.parametrize("token", ["", "x", "\u00e9", "A" * 24])
def test_a_form_without_its_token_does_nothing(link, key, surfer, token):
    surfer.get(link)
    answer = surfer.send(link, {"token": token, "key": key})
    assert answer.status == 403
    assert "This form is out of date" in answer.words
    assert "Show that this link is yours" in surfer.get(link).words


def test_a_form_of_another_visit_does_nothing(link, key):
    mine, other = Surfer(), Surfer(language="en")
    token = mine.get(link).token
    other.get(link)
    assert other.send(link, {"token": token, "key": key}).status == 403
    bare = Surfer(language="en")
    assert bare.send(link, {"token": token, "key": key}).status == 403


def test_a_form_from_before_the_key_was_proved_is_not_good_after(link, key, surfer):
    token = surfer.get(link).token
    surfer.send(link, {"token": token, "key": key})
    assert surfer.send(link, {"token": token, "key": key}).status == 403
    assert surfer.send(way(link), {"token": token, "step": "nonce"}).status == 403


def test_a_visit_that_was_planted_gains_nothing(link, key):
    """Who gave somebody their own cookie is not in once that person has proved the key."""
    planter, victim = Surfer(), Surfer(language="en")
    planter.get(link)
    victim.cookies = dict(planter.cookies)
    victim.prove(link, key)
    assert "Show that this link is yours" in planter.get(link).words


@pytest.mark.parametrize(
    ("site", "status"), [("same-origin", 303), ("none", 303), ("cross-site", 403), ("same-site", 403)]
)
def test_a_form_from_elsewhere_does_nothing(link, key, surfer, site, status):
    token = surfer.get(link).token
    assert surfer.send(link, {"token": token, "key": key}, **{"sec-fetch-site": site}).status == status


def test_a_visit_belongs_to_one_link(instance, inside, key, link):
    other = link_of(instance.chat(key, "mythos-5"))
    assert other != link
    assert "Show that this link is yours" in Surfer(dict(inside.cookies), "en").get(other).words


def test_who_leaves_is_forgotten(inside, link):
    page = inside.get(link)
    inside.send(link, {"token": page.token, "step": "leave"})
    assert inside.cookies == {}
    assert "Show that this link is yours" in inside.get(link).words
