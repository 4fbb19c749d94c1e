"""The page in a real browser: refused, led to it, served, without a script; and readable by everybody."""

import re
import shlex
import subprocess
import sys
import time
from urllib.parse import urlsplit

import msgspec
import pytest

from browsers_for_tests import chromium, faults_of, picture
from directives_for_tests import directive
from pages_for_tests import Surfer, link_of, linking_instance
from people_for_tests import Office
from places_for_tests import short_directory
from standin_for_tests import stand_in

PATIENCE_S = 60.0
"""From a refusal to service, hands included."""
SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 320, "height": 640}}
# Every language in every size and in every color scheme, and every size in every scheme.
ROUND = (
    ("en", "wide", "light"),
    ("en", "narrow", "dark"),
    ("de", "wide", "dark"),
    ("de", "narrow", "light"),
)
GROUPS = {"nationals_of_groups": ["D:5"]}


@pytest.fixture(scope="module")
def instance():
    with stand_in() as upstream, short_directory() as directory, linking_instance(directory, upstream.url) as found:
        found.items("fable-5", "mythos-5")
        found.act("/directives", {"text": directive()})
        scoped = directive(id="DIR-2", items=[{"id": "mythos-5", "basis": "named"}], persons=GROUPS)
        found.act("/directives", {"text": scoped})
        yield found


@pytest.fixture(scope="module")
def office(instance):
    return Office(instance)


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser, instance):
    """Open pages in contexts of their own; nothing may be asked of any other place."""
    contexts, elsewhere = [], []

    def open_page(**over):
        context = browser.new_context(**over)
        context.on("request", lambda asked: elsewhere.append(asked.url))
        context.set_default_timeout(5_000)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()
    assert {urlsplit(url).netloc for url in elsewhere} <= {urlsplit(instance.gateway).netloc}


def signed_as_shown(command, key_file):
    """Run the very command that the page shows in a shell, as somebody at the organization would."""
    assert command.startswith("licet attest sign ")
    script = f'licet() {{ {shlex.quote(sys.executable)} -m licet "$@"; }}\n'
    script += command.replace("KEY.private.jwk", shlex.quote(str(key_file)))
    done = subprocess.run(["sh", "-ec", script], capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.strip()


@pytest.fixture
def key_file(office, tmp_path):
    path = tmp_path / "acme.private.jwk"
    path.write_bytes(msgspec.json.encode({**office.key.as_dict(private=True), "kid": "k1"}))
    path.chmod(0o600)
    return path


def test_who_was_refused_is_served_with_the_same_key(instance, office, opened, key_file, tmp_path, capsys):
    """Without a script, from the refusal to the answer, with a one-time number and a file."""
    key = office.employs("p-flow")
    began = time.monotonic()
    refused = instance.chat(key, "fable-5")
    assert refused.status == 403
    page = opened(java_script_enabled=False, locale="en-US")
    page.goto(link_of(refused))
    page.get_by_label("Your API key").fill(key)
    page.get_by_role("button", name="Continue").click()
    lead = page.locator("p.lead")
    assert lead.inner_text().startswith("Yes, what you show can change the answer")
    page.get_by_role("link", name="Have your organization confirm it").click()
    page.get_by_role("button", name="Get a one-time number").click()
    command = page.locator("pre").inner_text()
    assert "--nonce=" in command
    statement = tmp_path / "statement.jwt"
    statement.write_text(signed_as_shown(command, key_file) + "\n")
    page.get_by_label("Or a file that holds it").set_input_files(statement)
    page.get_by_role("button", name="Hand in").click()
    assert page.locator("p.lead").inner_text().startswith("Yes: as things stand")
    assert page.get_by_role("heading", name="Accepted").is_visible()
    record = page.locator(".settled code").inner_text()
    assert instance.chat(key, "fable-5").status == 200
    took = time.monotonic() - began
    with capsys.disabled():
        sys.stdout.write(f"\nrefused to served through the page: {took:.2f} s\n")
    assert took < PATIENCE_S
    assert [x["id"] for x in instance.records(kind="evidence", party="p-flow")] == [record]


def test_a_statement_made_later_is_pasted_in_german(instance, office, opened, key_file):
    """Without a one-time number, in a browser that asks for German."""
    key = office.employs("p-german")
    page = opened(java_script_enabled=False, locale="de-DE")
    page.goto(link_of(instance.chat(key, "fable-5")))
    page.get_by_label("Ihr API-Schlüssel").fill(key)
    page.get_by_role("button", name="Weiter").click()
    page.get_by_role("link", name="Von Ihrer Organisation bestätigen lassen").click()
    page.get_by_label("Die unterschriebene Erklärung").fill(signed_as_shown(page.locator("pre").inner_text(), key_file))
    page.get_by_role("button", name="Einreichen").click()
    assert page.locator("p.lead").inner_text().startswith("Ja: Nach jetzigem Stand")
    assert instance.chat(key, "fable-5").status == 200


def test_what_is_wrong_is_said_beside_the_field_and_a_new_try_goes_on(instance, office, opened, key_file):
    key = office.employs("p-wrong")
    page = opened(java_script_enabled=False, locale="en-US")
    page.goto(link_of(instance.chat(key, "fable-5")))
    page.get_by_label("Your API key").fill("lk_nobody_" + "0" * 48)
    page.get_by_role("button", name="Continue").click()
    assert page.title().startswith("Error: ")
    summary = page.get_by_role("alert")
    assert "not a valid API key" in summary.inner_text()
    assert page.evaluate("document.activeElement.className") == "errors"
    summary.get_by_role("link").click()
    assert page.evaluate("document.activeElement.id") == "key"
    page.get_by_label("Your API key").fill(key)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Have your organization confirm it").click()
    page.get_by_label("The signed statement", exact=True).fill("not.a.statement")
    page.get_by_role("button", name="Hand in").click()
    assert page.locator("#attestation").get_attribute("aria-describedby") == "attestation-hint attestation-fault"
    page.get_by_label("The signed statement", exact=True).fill(
        signed_as_shown(page.locator("pre").inner_text(), key_file)
    )
    page.get_by_role("button", name="Hand in").click()
    assert page.get_by_role("heading", name="Accepted").is_visible()


def test_a_language_is_changed_by_a_link_and_stays(instance, office, opened):
    key = office.employs("p-language")
    page = opened(java_script_enabled=False, locale="en-US")
    page.goto(link_of(instance.chat(key, "fable-5")))
    page.get_by_role("link", name="Deutsch").click()
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_label("Ihr API-Schlüssel").fill(key)
    page.get_by_role("button", name="Weiter").click()
    assert page.locator("html").get_attribute("lang") == "de"
    page.get_by_role("link", name="English").click()
    assert page.locator("html").get_attribute("lang") == "en"


def test_everything_can_be_reached_by_the_keyboard_in_order(instance, office, opened):
    key = office.employs("p-keyboard")
    page = opened(locale="en-US")
    page.goto(link_of(instance.chat(key, "fable-5")))
    reached = []
    for _ in range(5):
        page.keyboard.press("Tab")
        reached.append(page.evaluate("(document.activeElement.innerText || document.activeElement.id).trim()"))
    assert reached == ["Skip to the content", "Deutsch", "English", "key", "Continue"]


# Every page, in each language, size and color scheme, before axe-core.


def page_of_key(page, link, language):
    page.goto(f"{link}?lang={language}")


def page_of_a_wrong_key(page, link, language):
    page_of_key(page, link, language)
    page.locator("#key").fill("nonsense")
    page.locator("button[value=key]").click()


def page_of_the_organization(page, link, language):
    page.goto(f"{link}/organization?lang={language}")


def page_with_a_number(page, link, language):
    page_of_the_organization(page, link, language)
    page.locator("button[value=nonce]").click()


def page_of_a_wrong_statement(page, link, language):
    page_of_the_organization(page, link, language)
    page.locator("button[value=hand_in]").click()


def page_that_is_gone(page, link, language):
    page.goto(f"{link}x?lang={language}")


# How it is reached, who is there, and whether they have proved their key.
PAGES = {
    "key": (page_of_key, "asker", False),
    "wrong-key": (page_of_a_wrong_key, "asker", False),
    "answer": (page_of_key, "asker", True),
    "countries": (page_of_key, "under-a-country-rule", True),
    "organization": (page_of_the_organization, "asker", True),
    "choice": (page_of_the_organization, "under-a-country-rule", True),
    "number": (page_with_a_number, "asker", True),
    "wrong-statement": (page_of_a_wrong_statement, "asker", True),
    "served": (page_of_key, "served", True),
    "correctable": (page_of_key, "foreign", True),
    "license": (page_of_key, "licensable", True),
    "gone": (page_that_is_gone, "asker", False),
}
LEADS = {
    "answer": "Yes, what you show",
    "countries": "Yes, what you show",
    "served": "Yes: as things stand",
    "correctable": "Nothing new that you could show",
    "license": "No: nothing that you could show about yourself",
}


@pytest.fixture(scope="module")
def visitors(instance, office):
    """For each person that a page is about: their link, and the cookie of one who has proved the key."""
    found, abroad = {}, Office(instance, "abroad", "FR")
    for name, model in (
        ("asker", "fable-5"),
        ("under-a-country-rule", "mythos-5"),
        ("served", "fable-5"),
        ("foreign", "fable-5"),
        ("licensable", "fable-5"),
    ):
        key = (abroad if name == "licensable" else office).employs(f"p-{name}")
        found[name] = (link := link_of(instance.chat(key, model))), (surfer := Surfer())
        surfer.prove(link, key)
        if name == "served":
            page = surfer.get(link + "/organization")
            audience = re.search(r"--audience (\S+)", page.words)[1]
            statement = office.token(f"p-{name}", "not_foreign_person", audience=audience)
            surfer.send(link + "/organization", {"token": page.token, "attestation": statement})
        if name == "foreign":
            assert office.attest(key, "p-foreign", "foreign_person", nationalities=("FR",)).status == 200
    return found


@pytest.mark.parametrize("name", PAGES)
def test_everybody_can_read_the_page(instance, visitors, opened, name):
    reach, who, has_proved = PAGES[name]
    link, surfer = visitors[who]
    faults = []
    for language, size, scheme in ROUND:
        page = opened(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce", locale="fr-FR")
        if has_proved:
            page.context.add_cookies([{"name": n, "value": v, "url": link} for n, v in surfer.cookies.items()])
        reach(page, link, language)
        assert page.locator("html").get_attribute("lang") == language
        if name in LEADS and language == "en":
            assert page.locator("p.lead").inner_text().startswith(LEADS[name])
        picture(page, f"{name}-{language}-{size}-{scheme}")
        faults += [f"{language} {size} {scheme}: {fault}" for fault in faults_of(page)]
        faults += [f"{language} {size}: {fault}" for fault in misfits(page, SIZES[size]["width"])]
    assert faults == []


def misfits(page, width):
    """What does not fit the width, or is too small to hit (WCAG 2.2: 1.4.10, 2.5.8)."""
    wide = page.evaluate("document.documentElement.scrollWidth")
    small = page.evaluate(
        "[...document.querySelectorAll('a, button, input, textarea')].filter(x => x.type !== 'hidden')"
        ".map(x => [x.innerText || x.id, x.getBoundingClientRect().height]).filter(x => x[1] < 24)"
    )
    return [f"{wide} px wide"] * (wide > width) + [f"too small to hit: {one}" for one in small]
