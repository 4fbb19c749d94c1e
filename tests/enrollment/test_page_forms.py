"""What is handed in at the page, and everything that is sent to it wrongly."""

import secrets

import pytest

from pages_for_tests import hand_in, option, party_of, way

WORKERS = 2
MARKUP = "<script>alert(1)</script>\"'&{model}{{7*7}}"
NOT_FOREIGN, FOREIGN = "not_foreign_person", "foreign_person"


# Statements.


@pytest.mark.parametrize(
    ("over", "words"),
    [
        ({"audience": "elsewhere"}, "made for another gateway"),
        ({"subject": "somebody-else"}, "about somebody else"),
        ({"issuer": "nobody"}, "not enrolled here"),
        ({"nationalities": ("FR",)}, "contradicts itself"),
        ({"nonce": secrets.token_urlsafe(24)}, "one-time number is not the one"),
    ],
)
def test_a_statement_that_is_not_believed(instance, office, inside, link, key, over, words):
    audience = option(inside.get(way(link)), "audience")
    claims = {"audience": audience} | over
    subject = claims.pop("subject", party_of(instance))
    answer = hand_in(inside, link, office.token(subject, NOT_FOREIGN, **claims))
    assert answer.status == 403
    assert words in answer.words
    assert '<a href="#attestation">' in answer.text
    assert instance.chat(key, "fable-5").status == 403


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("", "Paste the signed statement"),
        ("  \r\n ", "Paste the signed statement"),
        ("nonsense", "not a signed statement"),
        (MARKUP, "not a signed statement"),
        ("a.b.c", "not a signed statement"),
        ("x" * 20_000, "too long"),
        ("\u00e9.\u00e9.\u00e9", "not a signed statement"),
    ],
)
def test_what_is_no_statement(inside, link, statement, words):
    answer = hand_in(inside, link, statement)
    assert answer.status == 403
    assert words in answer.words
    assert "<script" not in answer.text


def test_a_statement_and_a_file_are_one_too_many(inside, link):
    page = inside.get(way(link))
    fields = {"token": page.token, "step": "hand_in", "attestation": "a.b.c"}
    answer = inside.upload(way(link), fields, {"file": ("a.jwt", b"a.b.c")})
    assert "Hand in one statement" in answer.words


def test_a_statement_is_good_once(instance, office, inside, link, key):
    audience = option(inside.get(way(link)), "audience")
    statement = office.token(party_of(instance), FOREIGN, audience=audience)
    page = inside.get(way(link))
    fields = {"token": page.token, "step": "hand_in", "attestation": statement}
    assert inside.send(way(link), fields).status == 303
    again = inside.send(way(link), fields)
    assert (again.status, "handed in before" in again.words) == (403, True)


def test_a_number_is_used_up_by_a_try_and_another_is_given(instance, office, inside, link):
    page = inside.follow(way(link), inside.send(way(link), {"token": inside.get(way(link)).token, "step": "nonce"}))
    nonce, audience = option(page, "nonce"), option(page, "audience")
    assert option(inside.get(way(link)), "nonce") == nonce
    # What cannot be a statement uses nothing up.
    assert nonce in hand_in(inside, link, "a.b.c").text
    wrong = hand_in(inside, link, office.token(party_of(instance), NOT_FOREIGN, audience="elsewhere", nonce=nonce))
    assert "made for another gateway" in wrong.words
    assert nonce not in wrong.text
    right = hand_in(inside, link, office.token(party_of(instance), NOT_FOREIGN, audience=audience, nonce=nonce))
    assert "one-time number is not the one" in right.words


def test_a_key_holds_a_bounded_number_of_numbers(inside, link):
    token = inside.get(way(link)).token
    answers = [inside.send(way(link), {"token": token, "step": "nonce"}) for _ in range(17)]
    assert [answer.status for answer in answers] == [303] * 16 + [403]
    assert "as many one-time numbers as it may" in answers[-1].words


# Bodies and routes.


def test_what_is_too_large(inside, link):
    token = inside.get(way(link)).token
    for place in (link, way(link)):
        answer = inside.upload(place, {"token": token}, {"file": ("a.jwt", b"x" * 65_536)})
        assert (answer.status, "That was too large" in answer.words) == (413, True)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"key=%FF", "application/x-www-form-urlencoded"),
        (b"key=1&key=2", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "multipart/form-data; boundary=b"),
        (b"{}", "application/json"),
        (b"key=1", "text/plain"),
    ],
)
def test_what_is_no_form(inside, link, body, kind):
    for place in (link, way(link)):
        answer = inside.ask("POST", place, body, {"content-type": kind})
        assert (answer.status, "That could not be read" in answer.words) == (400, True)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE"])
def test_other_methods(link, surfer, method):
    for place in (link, way(link)):
        answer = surfer.ask(method, place)
        assert answer.status == 405
        assert set(answer.header("allow").split(", ")) == {"GET", "HEAD", "POST"}
        assert answer.header("content-type") == "text/html; charset=utf-8"


def test_the_head_alone(link, surfer):
    answer = surfer.ask("HEAD", link)
    assert (answer.status, answer.body) == (200, b"")


@pytest.mark.parametrize(
    "path",
    [
        "{t}/",
        "{t}/organization/",
        "{t}/organization/x",
        "{t}/elsewhere",
        "{t}/../{t}",
        "{t}/..",
        "./{t}",
        "/{t}",
        "%2e/{t}",
        "{t}%00",
        "{t}%20",
        "{t};x",
        "{p}",
        "",
        "%3Cscript%3Ealert(1)%3C/script%3E",
    ],
)
def test_a_path_has_one_spelling(link, surfer, path):
    base, ticket = link.rsplit("/", 1)
    spelled = f"%{ord(ticket[0]):02X}{ticket[1:]}"
    answer = surfer.get(f"{base}/{path.format(t=ticket, p=spelled)}")
    assert answer.status == 404
    assert "alert" not in answer.text
    assert answer.header("set-cookie") is None


def test_the_bare_paths_are_doors_that_do_not_exist(instance, surfer):
    assert surfer.get(instance.gateway + "/licet/enroll").status == 404
    assert surfer.get(instance.gateway + "/licet/enrollx").status == 404
