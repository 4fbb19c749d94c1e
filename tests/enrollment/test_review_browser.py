"""The page of a human review, and the window in which a reviewer sees a document, in a real browser."""

import struct
import zlib

import pytest

from browsers_for_tests import chromium, faults_of, picture
from directives_for_tests import directive
from instance_for_tests import call
from pages_for_tests import link_of, linking_instance
from places_for_tests import short_directory
from standin_for_tests import stand_in

SIZES = {"wide": {"width": 1280, "height": 900}, "narrow": {"width": 320, "height": 640}}
ROUND = (("en", "wide", "light"), ("en", "narrow", "dark"), ("de", "narrow", "light"))
MESSAGE = "The lower half of the picture is dark.\nPlease send it again."


def png(width=8, height=6):
    """A picture that a browser can draw."""

    def chunk(name, content):
        body = name + content
        return struct.pack(">I", len(content)) + body + struct.pack(">I", zlib.crc32(body))

    rows = (b"\0" + b"\x80\x20\x20" * width) * height
    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


@pytest.fixture(scope="module")
def instance():
    more = "[review]\noffered = true\n"
    with stand_in() as upstream, short_directory() as directory, linking_instance(directory, upstream.url, more) as one:
        one.items("fable-5")
        one.act("/directives", {"text": directive()})
        yield one


@pytest.fixture(scope="module")
def browser():
    with chromium() as found:
        yield found


@pytest.fixture
def opened(browser):
    contexts = []

    def open_page(**over):
        context = browser.new_context(**over)
        context.set_default_timeout(5_000)
        contexts.append(context)
        return context.new_page()

    yield open_page
    for context in contexts:
        context.close()


def test_from_the_refusal_to_the_answer_without_a_script(instance, opened, tmp_path):
    key = instance.party_key("p-asks")
    page = opened(java_script_enabled=False, locale="en-US", viewport=SIZES["wide"])
    page.goto(link_of(instance.chat(key, "fable-5")))
    page.get_by_label("Your API key").fill(key)
    page.get_by_role("button", name="Continue").click()
    page.get_by_role("link", name="Have a person look at documents").click()
    page.get_by_role("button", name="Ask for a review").click()
    assert "It waits for a reviewer." in page.inner_text("main")
    file = tmp_path / "holder.png"
    file.write_bytes(png())
    page.get_by_label("What the document is for").select_option("holder_photograph")
    page.get_by_label("The file").set_input_files(file)
    page.get_by_role("button", name="Hand the document in").click()
    assert "A photograph of me with the document and the code" in page.inner_text(".settled")
    page.get_by_role("button", name="Hand the document in").click()
    assert page.title().startswith("Error: ")
    assert "Choose a file." in page.get_by_role("alert").inner_text()
    page.get_by_role("button", name="Take the request back").click()
    assert "Your documents are destroyed." in page.inner_text(".settled")
    assert [path for path in (instance.directory / "reviews").rglob("*") if path.is_file()] == []


def test_a_reviewer_sees_the_picture_and_nothing_in_it_runs(instance, opened):
    key = instance.party_key("p-shown")
    ask(instance, key)
    hand_in(instance, key, "holder_photograph", png(8, 6))
    review = review_of(instance, "p-shown")
    instance.act(f"/reviews/{review['id']}/take", {})
    name = review["documents"][0]["document"]
    path = instance.act(f"/reviews/{review['id']}/documents/{name}/open", {})["path"]
    page = opened()
    answer = page.goto(instance.control + path)
    assert (answer.status, answer.headers["cache-control"]) == (200, "no-store")
    assert page.evaluate("[document.images[0].naturalWidth, document.images[0].naturalHeight]") == [8, 6]
    assert page.evaluate("window.origin") == "null"
    assert page.goto(instance.control + path).status == 404


@pytest.fixture(scope="module")
def visitor(instance, browser):
    """Somebody who was asked for something, and the cookie of who has proved the key."""
    key = instance.party_key("p-asked")
    ask(instance, key)
    hand_in(instance, key, "status_document", png())
    review = review_of(instance, "p-asked")
    instance.act(f"/reviews/{review['id']}/take", {})
    instance.act(f"/reviews/{review['id']}/ask", {"message": MESSAGE})
    return key, link_of(instance.chat(key, "fable-5"))


@pytest.mark.parametrize("name", ["asked", "wrong", "before"])
def test_everybody_can_read_the_page(instance, visitor, opened, name):
    key, link = visitor
    if name == "before":
        key = instance.party_key("p-before")
        link = link_of(instance.chat(key, "fable-5"))
    faults = []
    for language, size, scheme in ROUND:
        page = opened(viewport=SIZES[size], color_scheme=scheme, reduced_motion="reduce", locale="fr-FR")
        page.goto(f"{link}?lang={language}")
        page.locator("#key").fill(key)
        page.locator("button[value=key]").click()
        page.goto(f"{link}/review?lang={language}")
        if name == "wrong":
            page.locator("button[value=upload]").click()
        assert page.locator("html").get_attribute("lang") == language
        assert (page.locator("blockquote").count() == 1) == (name != "before")
        picture(page, f"review-{name}-{language}-{size}-{scheme}")
        faults += [f"{language} {size} {scheme}: {fault}" for fault in faults_of(page)]
        wide = page.evaluate("document.documentElement.scrollWidth")
        faults += [f"{language}: {wide} px wide"] * (wide > SIZES[size]["width"])
    assert faults == []


def ask(instance, key):
    return send(instance, key, "")


def hand_in(instance, key, kind, content):
    return send(instance, key, f"/documents?kind={kind}", content)


def send(instance, key, path, content=b""):
    answer = call(f"{instance.gateway}/licet/review{path}", content, {"authorization": f"Bearer {key}"})
    assert answer.status == 200, answer.body
    return answer.json


def review_of(instance, party):
    (found,) = [one for one in instance.act("/reviews") if one["party"] == party]
    return instance.act(f"/reviews/{found['id']}")
