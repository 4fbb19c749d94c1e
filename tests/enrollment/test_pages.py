"""The page over HTTP, at two workers: who is led to it, and whom it tells what."""

import re
import secrets
from datetime import timedelta

import pytest

from directives_for_tests import directive
from instance_for_tests import call
from licet.fleet import Clock
from licet.parties.evidence import EndUser, sign_end_user
from pages_for_tests import (
    HUMAN,
    Surfer,
    hand_in,
    link_of,
    linking_instance,
    made_link,
    next_person,
    option,
    party_of,
    way,
)
from people_for_tests import Office, ask_nonce
from places_for_tests import short_directory
from standin_for_tests import eventually

WORKERS = 2
MARKUP = "<script>alert(1)</script>\"'&{model}{{7*7}}"
NOT_FOREIGN, FOREIGN = "not_foreign_person", "foreign_person"


# Links in refusals.


def test_a_refusal_leads_to_the_page(instance, key):
    refused = instance.chat(key, "fable-5")
    (remedy,) = refused.json["remedies"]
    assert remedy["url"].startswith(instance.gateway + "/licet/enroll/")


def test_geminis_refusal_has_it_among_its_help(instance, key):
    path = "/v1beta/models/fable-5:generateContent"
    refused = call(instance.gateway + path, b'{"contents":[]}', {"x-goog-api-key": key})
    links = [one["links"] for one in refused.json["error"]["details"] if one["@type"].endswith("Help")]
    assert links == [[{"description": links[0][0]["description"], "url": link_of(refused)}]]


@pytest.mark.parametrize("model", ["nothing-of-the-kind", "secret-1"])
def test_a_model_that_is_hidden_or_unknown_has_no_link(instance, key, model):
    refused = instance.chat(key, model)
    assert refused.status == 404
    assert b"licet/enroll" not in refused.body


def test_a_model_that_was_stopped_has_no_link(instance, key):
    instance.act("/stop", {"items": ["open-1"]})
    try:
        refused = instance.chat(key, "open-1")
        assert refused.json["error"]["code"] == "item_stopped"
        assert b"licet/enroll" not in refused.body
    finally:
        instance.act("/resume", {"items": ["open-1"]})


def test_whom_an_organizations_key_names_gets_no_link(instance, office, key):
    """They could prove the key and not that they are who it named."""
    shared = instance.act("/keys", {"organization": "acme", "serves": "people"})["result"]["key"]
    named = end_user(office, party_of(instance), ask_nonce(instance, key)["audience"])
    for more, kinds in (({}, {"key_of_one_party"}), ({"licet-end-user": named}, {"organization_attestation"})):
        body = b'{"model":"fable-5","messages":[{"role":"user","content":"hi"}]}'
        headers = {"authorization": f"Bearer {shared}"} | more
        refused = call(instance.gateway + "/v1/chat/completions", body, headers)
        assert {x["kind"] for x in refused.json["remedies"]} == kinds
        assert b"licet/enroll" not in refused.body


def end_user(office, party, audience):
    now = Clock().now().replace(microsecond=0)
    user = EndUser("acme", audience, party, secrets.token_urlsafe(8), now, now + timedelta(minutes=1))
    return sign_end_user(user, office.key.as_dict(private=True), "k1").decode()


# Who is told what.


def test_nothing_is_told_before_the_key_is_proved(instance, link, key):
    page = Surfer(language="en").get(link)
    assert page.status == 200
    assert "fable" not in page.text
    assert party_of(instance) not in page.text
    assert "Acme" not in page.text


def test_the_first_sentence_says_what_would_help(surfer, link, key):
    page = surfer.prove(link, key)
    first = re.search(r'<p class="lead">(.*?)</p>', page.text, re.DOTALL)[1]
    assert first.startswith("Yes, what you show can change the answer: <code>fable-5</code>")
    assert "Your nationality is not asked." in page.words
    assert "national of a country" not in page.words
    assert "365 days" in page.words
    assert f'href="mailto:{HUMAN}"' in page.text


def test_nationality_is_asked_only_under_a_country_rule(instance, surfer, key):
    link = link_of(instance.chat(key, "mythos-5"))
    page = surfer.prove(link, key)
    assert "You are a national of a country that the order does not reach" in page.words
    assert "--nationality XX" in surfer.get(way(link)).words


def test_who_cannot_be_helped_is_told_so_and_offered_nothing(instance, surfer):
    abroad = Office(instance, next_person("abroad"), "FR")
    key = abroad.employs(next_person())
    link = link_of(instance.chat(key, "fable-5"))
    page = surfer.prove(link, key)
    assert "No: nothing that you could show about yourself would change the answer" in page.words
    assert "Have your organization confirm it" not in page.words
    assert HUMAN in page.words
    assert surfer.get(way(link)).header("location").endswith(link.rsplit("/", 1)[1])


def test_an_organizations_machine_is_told_that_only_a_license_helps(instance, surfer):
    abroad = Office(instance, next_person("abroad"), "FR").organization
    key = instance.act("/keys", {"organization": abroad, "serves": "machine"})["result"]["key"]
    page = surfer.prove(link_of(instance.chat(key, "fable-5")), key)
    assert "Only a license from the issuing agency" in page.words


def test_an_organizations_word_is_offered_only_for_what_it_is_taken_for(instance, surfer):
    narrow = Office(instance, next_person("narrow"))
    limits = {"statuses": ["foreign_person"], "relations": ["contractor"]}
    instance.act(f"/organizations/{narrow.organization}/limits", limits)
    key = narrow.employs(next_person())
    page = surfer.prove(link := link_of(instance.chat(key, "fable-5")), key)
    assert "No way to show it is set up for your key" in page.words
    instance.act(f"/organizations/{narrow.organization}/limits", limits | {"statuses": ["not_foreign_person"]})
    eventually(lambda: "Have your organization confirm it" in surfer.get(link).words)
    assert option(surfer.get(way(link)), "relation") == "contractor"


def test_who_has_no_organization_is_sent_to_a_person(instance, surfer):
    key = instance.party_key(next_person())
    page = surfer.prove(link_of(instance.chat(key, "fable-5")), key)
    assert "Yes, what you show can change the answer" in page.words
    assert "No way to show it is set up for your key" in page.words
    assert HUMAN in page.words


def test_what_was_said_wrongly_can_be_corrected(instance, office, surfer, key, link):
    earlier = Clock().now().replace(microsecond=0) - timedelta(days=1)
    party = party_of(instance)
    assert office.attest(key, party, FOREIGN, nationalities=("FR",), checked_at=earlier).status == 200
    page = surfer.prove(link, key)
    assert "only if that was wrong, its correction would" in page.words
    statement = office.token(party, NOT_FOREIGN, audience=option(surfer.get(way(link)), "audience"))
    page = surfer.follow(link, hand_in(surfer, link, statement))
    assert "Yes: as things stand" in page.words
    assert instance.chat(key, "fable-5").status == 200


def test_who_shows_something_that_does_not_help_is_told_what_is_missing(instance, office, inside, link, key):
    statement = office.token(party_of(instance), FOREIGN, audience=option(inside.get(way(link)), "audience"))
    page = inside.follow(link, hand_in(inside, link, statement))
    assert "something is still missing" in page.words
    assert instance.chat(key, "fable-5").json["error"]["code"] == "license_required"


def test_a_link_opened_late_says_that_all_is_well(instance, office, surfer, key, link):
    assert office.attest(key, party_of(instance), NOT_FOREIGN).status == 200
    page = surfer.prove(link, key)
    assert "Yes: as things stand" in page.words
    assert "Accepted" not in page.words


# What is in a page.


def test_nothing_that_is_put_into_a_page_is_markup(instance, surfer, key):
    """The model's name as it was asked for, the organization's, the language, the path, the key."""
    organization = next_person("named")
    instance.act("/organizations", {"id": organization, "name": MARKUP, "organized_under": "US-DE"} | keyed())
    key = instance.party_key(next_person(), organization)
    link = made_link(instance, key, Clock().now(), MARKUP, "fable-5")
    pages = [surfer.prove(link, key), surfer.get(way(link)), surfer.get(f"{link}?lang=%3Cscript%3E")]
    pages.append(surfer.send(link, {"token": pages[0].token, "key": MARKUP}))
    pages.append(hand_in(surfer, link, MARKUP))
    assert [page.status for page in pages] == [200, 200, 200, 403, 403]
    for page in pages:
        assert "<script" not in page.text
        assert "{model}49" not in page.text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{model}{{7*7}}" in pages[0].text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;&#34;&#39;&amp;{model}{{7*7}}" in pages[1].text


def keyed():
    from joserfc.jwk import OKPKey

    return {"attestation_keys": {"k1": OKPKey.generate_key("Ed25519").as_dict(private=False)}}


def test_every_page_lets_nothing_else_in(inside, link):
    policy = re.compile(
        r"default-src 'none'; style-src 'sha256-[A-Za-z0-9+/=]{44}'; form-action 'self'; base-uri 'none'; "
        r"frame-ancestors 'none'"
    )
    token = inside.get(way(link)).token
    answers = [
        inside.get(link),
        inside.get(way(link)),
        inside.get(link + "x"),
        inside.ask("PUT", link),
        inside.send(link, {}),
        inside.send(way(link), {"token": token, "step": "nonce"}),
        inside.ask("POST", link, b"{}", {"content-type": "application/json"}),
    ]
    assert [answer.status for answer in answers] == [200, 200, 404, 405, 403, 303, 400]
    for answer in answers:
        assert policy.fullmatch(answer.header("content-security-policy"))
        assert answer.header("cache-control") == "no-store"
        assert answer.header("referrer-policy") == "no-referrer"
        assert answer.header("x-content-type-options") == "nosniff"
        assert answer.header("vary") == "Accept-Language, Cookie"
        assert not re.search(r"<(script|img|link|iframe|object|embed|base)\b| on\w+=| style=", answer.text)


# Languages.


def test_the_language_is_the_browsers_or_the_one_that_was_chosen(link, key):
    surfer = Surfer(language="de-AT,de;q=0.9")
    page = surfer.get(link)
    assert (page.header("content-language"), "Weiter" in page.words) == ("de", True)
    page = surfer.get(link + "?lang=en")
    assert page.header("content-language") == "en"
    page = surfer.prove(link, key)
    assert (page.header("content-language"), '<html lang="en">' in page.text) == ("en", True)


@pytest.mark.parametrize("unknown", ["xx", "", "EN", "en-US", "../de", "%00", "de&lang=en"])
def test_a_language_that_there_is_not_changes_nothing(link, unknown):
    page = Surfer(language="de").get(f"{link}?lang={unknown}")
    assert page.header("content-language") == ("en" if unknown.endswith("=en") else "de")
    assert Surfer(language="xx").get(link).header("content-language") == "en"
    assert Surfer(language="de").get(link + "x").header("content-language") == "de"


# What is left behind.


def test_the_pages_cookie_goes_to_no_upstream(instance, upstream, inside, key):
    upstream.forget()
    name, value = next(iter(inside.cookies.items()))
    body = b'{"model":"open-1","messages":[{"role":"user","content":"hi"}]}'
    ours = f"{name}={value}; __Host-{name}={value}"
    for cookie in (ours, f"a=1; {ours}; b=2"):
        headers = {"authorization": f"Bearer {key}", "cookie": cookie}
        assert call(instance.gateway + "/v1/chat/completions", body, headers).status == 200
    assert ["cookie" in {name.lower() for name in one["headers"]} for one in upstream.log()] == [False, True]


def test_nothing_of_a_visit_is_kept(instance, office, inside, link, key):
    statement = office.token(party_of(instance), NOT_FOREIGN, audience=option(inside.get(way(link)), "audience"))
    assert hand_in(inside, link, statement).status == 303
    ticket, cookie = link.rsplit("/", 1)[1], next(iter(inside.cookies.values()))
    kept = b"".join(path.read_bytes() for path in instance.directory.rglob("*") if path.is_file())
    for secret in (ticket, cookie, statement, *statement.split(".")[1:], key.split("_")[2]):
        assert secret.encode() not in kept
    assert party_of(instance).encode() in kept  # so that the search is known to find what is there


def test_behind_a_proxy_that_takes_a_path_away(upstream):
    with short_directory() as directory, linking_instance(directory, upstream.url, prefix="/gate") as found:
        found.items("fable-5")
        found.act("/directives", {"text": directive()})
        key = Office(found).employs("p-1")
        link = link_of(found.chat(key, "fable-5"))
        inner = link.replace("/gate/", "/")
        assert link != inner
        surfer = Surfer(language="en")
        page = surfer.get(inner)
        assert 'action="/gate/licet/enroll/' in page.text
        assert "Path=/gate/licet/enroll/" in page.header("set-cookie")
        moved = surfer.send(inner, {"token": page.token, "key": key})
        assert moved.header("location").startswith("/gate/licet/enroll/")


def test_without_an_address_of_its_own_a_gateway_gives_no_link(upstream):
    from instance_for_tests import fresh_instance

    with short_directory() as directory, fresh_instance(directory, upstream.url) as found:
        found.items("fable-5")
        found.act("/directives", {"text": directive()})
        refused = found.chat(Office(found).employs("p-1"), "fable-5")
        assert {remedy["url"] for remedy in refused.json["remedies"]} == {None}
        assert Surfer().get(found.gateway + "/licet/enroll/x").status == 404
