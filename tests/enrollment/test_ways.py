"""The page's ways that lead elsewhere, in a real browser over https: to a real identity provider, and to a vendor."""

import itertools
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

import vendor_for_tests as vendors
from browsers_for_tests import chromium, faults_of, picture
from directives_for_tests import directive
from https_for_tests import https
from instance_for_tests import fresh_instance
from licet.fleet import Clock
from pages_for_tests import Surfer, link_of
from places_for_tests import short_directory
from provider_for_tests import ENROLLMENT, ISSUER, PUBLIC, RETURN, WITH_PROVIDER, running_provider, with_provider_at
from standin_for_tests import eventually, stand_in

NUMBERS = itertools.count(1)
SETTINGS = f"""
[gateway]
public_url = "{PUBLIC}"

[evidence.op]
secrets = ["env:PROVIDER_SECRET"]
{vendors.SETTINGS}"""
SIGN_IN, VERIFY = "Sign in where you have been verified", "Have your documents verified"
ASK_STATUS, ASK_NATIONALITY = (
    f"Sign in, and have {what} confirmed" for what in ("only the status", "status and nationality")
)


@pytest.fixture(scope="module")
def provider():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AUTHLIB_INSECURE_TRANSPORT", "1")
        with running_provider() as found:
            yield found


@pytest.fixture(scope="module")
def vendor():
    with vendors.running_vendor(RETURN) as found:
        yield found


@pytest.fixture(scope="module")
def instance(provider, vendor):
    surroundings = with_provider_at(provider.at) | {"PERSONA_SECRET": vendors.SECRET}
    with (
        stand_in() as upstream,
        short_directory() as directory,
        fresh_instance(directory, upstream.url, SETTINGS, script=WITH_PROVIDER, **surroundings) as found,
    ):
        found.items("fable-5", "mythos-5")
        found.act("/directives", {"text": directive()})
        scoped = {"items": [{"id": "mythos-5", "basis": "named"}], "persons": {"nationals_of_groups": ["D:5"]}}
        found.act("/directives", {"text": directive(id="DIR-2", **scoped)})
        found.act("/evidence-issuers", ENROLLMENT)
        found.act("/vendors", vendors.ENROLLMENT)
        vendor.gateway = found.gateway
        yield found


@pytest.fixture(scope="module")
def browser(instance, provider, vendor, tmp_path_factory):
    places = {"gate.example": instance.gateway, "op.test": provider.at, "vendor.test": vendor.port}
    with https(tmp_path_factory.mktemp("tls"), places) as flags, chromium(*flags) as found:
        yield found


@pytest.fixture
def opened(browser):
    contexts = []

    def open_page(**over):
        context = browser.new_context(ignore_https_errors=True, java_script_enabled=False, **over)
        context.set_default_timeout(10_000)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


@pytest.fixture
def person(instance, provider):
    name = f"person-{next(NUMBERS)}"
    provider.people[name] = [verified(us_person=True)]
    return name, instance.party_key(name)


def verified(**claims):
    time = (Clock().now() - timedelta(days=3)).replace(microsecond=0).isoformat()
    verification = {"trust_framework": "nist_800_63A", "assurance_level": "ial2", "time": time}
    return {"verification": verification, "claims": claims}


def enter(page, instance, key, model="fable-5"):
    link = link_of(instance.chat(key, model))
    assert link.startswith(PUBLIC)
    page.goto(link)
    page.get_by_label("Your API key").fill(key)
    page.get_by_role("button", name="Continue").click()
    return link


def leave_for_the_provider(page, ask=ASK_STATUS):
    page.get_by_role("link", name=SIGN_IN).click()
    page.get_by_role("button", name=ask).click()
    page.get_by_role("link", name="Go on to the provider").click()
    assert urlsplit(page.url).netloc == "op.test"


def sign_in_as(page, name):
    page.get_by_label("Who are you?").fill(name)
    page.get_by_role("button", name="Sign in").click()


def lead(page):
    page.wait_for_url(re.compile("/licet/enroll/[^/?]+$"))
    return page.locator("p.lead").inner_text()


def test_who_was_refused_signs_in_and_is_served_with_the_same_key(instance, provider, person, opened):
    name, key = person
    page = opened(locale="en-US")
    enter(page, instance, key)
    leave_for_the_provider(page)
    sign_in_as(page, name)
    assert lead(page).startswith("Yes: as things stand")
    assert page.get_by_role("heading", name="Accepted").is_visible()
    assert instance.chat(key, "fable-5").status == 200
    assert provider.asked[-1]["userinfo"]["verified_claims"][0]["claims"] == {"us_person": None}
    record = page.locator(".settled code").inner_text()
    assert [x["id"] for x in instance.records(kind="evidence", party=name)] == [record]


def test_nationality_is_asked_of_the_provider_only_where_an_order_reads_it_and_the_person_chooses(
    instance, provider, person, opened
):
    name, key = person
    provider.people[name] = [verified(us_person=False, nationalities=["JPN"])]
    page = opened(locale="en-US")
    enter(page, instance, key)
    page.get_by_role("link", name=SIGN_IN).click()
    assert page.get_by_role("button", name=ASK_NATIONALITY).count() == 0
    page = opened(locale="en-US")
    enter(page, instance, key, "mythos-5")
    leave_for_the_provider(page, ASK_NATIONALITY)
    sign_in_as(page, name)
    assert lead(page).startswith("Yes: as things stand")
    assert instance.chat(key, "mythos-5").status == 200


def test_what_the_provider_says_and_does_not_help_is_told(instance, provider, person, opened):
    name, key = person
    provider.people[name] = []
    page = opened(locale="de-DE")
    page.goto(link_of(instance.chat(key, "fable-5")))
    page.get_by_label("Ihr API-Schlüssel").fill(key)
    page.get_by_role("button", name="Weiter").click()
    page.get_by_role("link", name="Dort anmelden, wo Sie überprüft sind").click()
    page.get_by_role("button", name="Anmelden und nur den Status bestätigen lassen").click()
    page.get_by_role("link", name="Weiter zum Anbieter").click()
    sign_in_as(page, name)
    page.wait_for_url(re.compile("/provider"))
    assert "Der Anbieter hat Sie nicht überprüft" in page.get_by_role("alert").inner_text()
    assert instance.chat(key, "fable-5").status == 403


def begun(page, provider, name):
    """Begin a sign-in, and where the provider would send that person back to."""
    page.get_by_role("link", name=SIGN_IN).click()
    page.get_by_role("button", name=ASK_STATUS).click()
    onward = page.get_by_role("link", name="Go on to the provider").get_attribute("href")
    return f"{RETURN}?{provider.sign_in(onward, name)}"


def test_nobody_elses_way_back_counts(instance, provider, person, opened):
    """An attacker who has signed in sends the victim the address at which they would have come back."""
    name, key = person
    attacker = f"person-{next(NUMBERS)}"
    provider.people[attacker] = [verified(us_person=True)]
    theirs = opened(locale="en-US")
    enter(theirs, instance, instance.party_key(attacker))
    stolen = begun(theirs, provider, attacker)
    # Of a browser that left from nowhere nothing is known.
    page = opened(locale="en-US")
    page.goto(stolen)
    assert page.get_by_role("heading", name="Where you left is not known").is_visible()
    # One who has left has a state of their own, and keeps what they have begun.
    enter(page, instance, key)
    mine = begun(page, provider, name)
    page.goto(stolen)
    page.wait_for_url(re.compile("/provider"))
    assert "not the way back from a sign-in that you have begun" in page.get_by_role("alert").inner_text()
    assert instance.records(kind="evidence", party=name) == []
    # Another's code, with one's own state: it was given for another attempt.
    code = parse_qs(urlsplit(stolen).query)["code"][0]
    page.goto(re.sub(r"code=[^&]+", f"code={code}", mine))
    page.wait_for_url(re.compile("/provider"))
    assert page.get_by_role("alert").is_visible()
    # And it was used up by that.
    page.goto(mine)
    page.wait_for_url(re.compile("/provider"))
    assert "not the way back" in page.get_by_role("alert").inner_text()
    assert instance.records(kind="evidence", party=name) == []
    assert instance.chat(key, "fable-5").status == 403


def test_the_vendors_word_comes_while_the_page_waits(instance, vendor, person, opened):
    name, key = person
    page = opened(locale="en-US")
    link = enter(page, instance, key)
    page.get_by_role("link", name=VERIFY).click()
    page.get_by_role("button", name="Begin").click()
    page.get_by_role("link", name="Go on to the service").click()
    assert urlsplit(page.url).netloc == "vendor.test"
    page.get_by_role("button", name="I have shown my passport").click()
    page.wait_for_url(re.compile("/vendor"))
    assert page.get_by_role("heading", name="Waiting for the outcome").is_visible()
    assert instance.chat(key, "fable-5").status == 403  # what the person brings back is believed in nothing
    page.get_by_role("link", name="Do not load it again by itself").click()
    assert page.get_by_role("link", name="Look whether it has come").is_visible()
    page.get_by_role("link", name="Look whether it has come").click()
    assert vendor.approve(vendor.references[-1]).json == {"event": "accepted"}
    assert lead(page).startswith("Yes: as things stand")  # nobody has touched it
    assert page.url == link
    assert instance.chat(key, "fable-5").status == 200
    assert len(instance.records(kind="evidence", party=name)) == 1


def test_the_page_waits_for_its_own_reference_and_no_other(instance, vendor, person):
    _, key = person
    surfer = Surfer(language="en")
    link = link_of(instance.chat(key, "fable-5")).replace(PUBLIC, instance.gateway)
    surfer.prove(link, key)
    page = surfer.get(link + "/vendor")
    led = surfer.send(link + "/vendor", {"token": page.token, "step": "begin", "vendor": "persona"})
    assert led.status == 200
    reference = re.search(r"reference-id=([^\"&]+)", led.text)[1]
    waiting = surfer.get(link + "/vendor")
    assert (waiting.status, waiting.header("refresh")) == (200, "5")
    assert surfer.get(link + "/vendor?stay").header("refresh") is None
    assert vendor.approve("made-up").json == {"event": "unknown_reference"}
    assert surfer.get(link + "/vendor").status == 200
    assert vendor.approve(reference).json == {"event": "accepted"}
    answered = eventually(lambda: (seen := surfer.get(link + "/vendor")).status == 303 and seen)
    assert "Yes: as things stand" in surfer.follow(link, answered).words


FORGED = [
    ("provider", {"step": "not_foreign", "issuer": "nobody"}),
    ("provider", {"step": "nationality", "issuer": "op"}),
    ("provider", {"step": "", "issuer": "op"}),
    ("provider", {}),
    ("vendor", {"step": "begin", "vendor": "nobody"}),
    ("vendor", {}),
]


@pytest.mark.parametrize(("way", "fields"), FORGED)
def test_what_no_form_offers_is_not_begun(instance, person, way, fields):
    _, key = person
    surfer = Surfer(language="en")
    link = link_of(instance.chat(key, "fable-5")).replace(PUBLIC, instance.gateway)
    surfer.prove(link, key)
    token = surfer.get(f"{link}/{way}").token
    assert surfer.send(f"{link}/{way}", {"token": token, **fields}).status == 403
    assert surfer.send(f"{link}/{way}", {"token": "x", **fields}).status == 403


@pytest.mark.parametrize(
    ("query", "status"),
    [("", 404), ("?code=a&state=b", 404), ("?x=%00%3Cscript%3E", 404), ("?" + "x" * 9000, 400)],
)
def test_a_way_back_that_nobody_left_by(instance, query, status):
    answer = Surfer().get(instance.gateway + "/licet/enroll/return" + query)
    assert answer.status == status
    assert "<script" not in answer.text


def test_what_comes_back_is_put_into_the_page_as_text(instance, person):
    _, key = person
    surfer = Surfer(language="en")
    link = link_of(instance.chat(key, "fable-5")).replace(PUBLIC, instance.gateway)
    surfer.prove(link, key)
    page = surfer.get(link + "/provider")
    assert surfer.send(link + "/provider", {"token": page.token, "step": "not_foreign", "issuer": "op"}).status == 200
    answer = surfer.get(instance.gateway + "/licet/enroll/return?code=%22%3E%3Cscript&state=a'b")
    assert answer.status == 200
    assert "<script" not in answer.text
    assert "&amp;state=a&#39;b" in answer.text
    assert surfer.ask("POST", instance.gateway + "/licet/enroll/return").status == 404


def test_a_provider_that_sends_people_elsewhere_is_not_offered(instance, person):
    told = {**ENROLLMENT, "id": "elsewhere", "url": ISSUER + "/2"}
    told["sign_in"] = {**ENROLLMENT["sign_in"], "redirect_url": "https://portal.example/return"}
    instance.act("/evidence-issuers", told)
    _, key = person
    surfer = Surfer(language="en")
    link = link_of(instance.chat(key, "fable-5")).replace(PUBLIC, instance.gateway)
    surfer.prove(link, key)
    assert surfer.get(link + "/provider").text.count('name="issuer"') == 1


def test_a_suspended_provider_or_vendor_is_not_offered(instance, person):
    _, key = person
    surfer = Surfer(language="en")
    link = link_of(instance.chat(key, "fable-5")).replace(PUBLIC, instance.gateway)
    surfer.prove(link, key)
    for path, name in (("/evidence-issuers/op", SIGN_IN), ("/vendors/persona", VERIFY)):
        assert name in surfer.get(link).words
        instance.act(path + "/suspend", {})
        eventually(lambda name=name: name not in surfer.get(link).words)
        instance.act(path + "/resume", {})
        eventually(lambda name=name: name in surfer.get(link).words)


# Every page of these ways, in both languages, before axe-core.

SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 320, "height": 640}}
ROUND = (("en", "wide", "light"), ("en", "narrow", "dark"), ("de", "wide", "dark"), ("de", "narrow", "light"))


def of_way(name):
    return lambda page, link, code: page.goto(f"{link}/{name}?lang={code}&stay")


def led_from(name, button):
    def reach(page, link, code):
        of_way(name)(page, link, code)
        page.locator(f"button[value={button}]").click()

    return reach


def waiting(page, link, code):
    led_from("vendor", "begin")(page, link, code)
    page.goto(f"{link}/vendor?lang={code}&stay")


def not_back(page, link, code):
    page.goto(f"{link}/provider?lang={code}&code=a&state=b")


def lost(page, link, code):
    page.goto(f"{PUBLIC}/licet/enroll/return?lang={code}")


PAGES = {
    "overview": lambda page, link, code: page.goto(f"{link}?lang={code}"),
    "provider": of_way("provider"),
    "vendor": of_way("vendor"),
    "to-the-provider": led_from("provider", "not_foreign"),
    "to-the-vendor": led_from("vendor", "begin"),
    "waiting": waiting,
    "not-back": not_back,
    "lost": lost,
}


@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_these_pages(instance, browser, name):
    key = instance.party_key(f"person-{next(NUMBERS)}")
    link, faults = link_of(instance.chat(key, "mythos-5")), []
    context = browser.new_context(ignore_https_errors=True, reduced_motion="reduce", locale="fr-FR")
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.goto(link)
    page.locator("#key").fill(key)
    page.locator("button[value=key]").click()
    for code, size, scheme in ROUND:
        page.set_viewport_size(SIZES[size])
        page.emulate_media(color_scheme=scheme)
        PAGES[name](page, link, code)
        assert page.locator("html").get_attribute("lang") == code
        picture(page, f"ways-{name}-{code}-{size}-{scheme}")
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{code} {size}: {fault}" for fault in faults_of(page)]
        faults += [f"{code} {size}: {wide} px wide"] * (wide > SIZES[size]["width"])
    context.close()
    assert faults == []
