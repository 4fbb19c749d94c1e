"""Every sentence of the page exists in every language, with the same gaps, and none is missing."""

import re
from pathlib import Path
from string import Formatter

import pytest

from licet import enrollment
from licet.decisions import Showing
from licet.enrollment.languages import FIRST, languages, preferred
from licet.enrollment.verdict import Hope
from licet.parties.evidence import refusals

FOLDER = Path(enrollment.__file__).parent
SOURCES = [*FOLDER.glob("templates/*.html"), *FOLDER.glob("*.py")]
CODES = sorted(refusals.Refusal)


def gaps(text):
    return sorted(name for _, name, _, _ in Formatter().parse(text) if name is not None)


def test_there_are_several_languages():
    assert set(languages()) >= {"en", "de"}


@pytest.mark.parametrize("code", languages())
def test_a_language_has_every_sentence_and_no_other(code):
    wanted, found = languages()[FIRST].messages, languages()[code].messages
    assert list(found) == list(wanted)
    assert {key: gaps(text) for key, text in found.items()} == {key: gaps(text) for key, text in wanted.items()}


@pytest.mark.parametrize("code", languages())
def test_sentences_are_text_and_never_markup(code):
    assert [key for key, text in languages()[code].messages.items() if re.search(r"[<>&]|\s$|^\s|  ", text)] == []


@pytest.mark.parametrize("code", languages())
def test_nothing_was_left_untranslated(code):
    first = languages()[FIRST].messages
    same = {key for key, text in languages()[code].messages.items() if text == first[key] and len(text) > 12}
    assert same == (set() if code != FIRST else {key for key in first if len(first[key]) > 12})


def test_every_sentence_that_a_page_asks_for_exists():
    asked = {key for source in SOURCES for key in re.findall(r'\bt\("([a-z_.]+)"[,)]', source.read_text())}
    assert len(asked) > 30
    assert asked <= set(languages()[FIRST].messages)


def test_no_sentence_is_there_for_nobody():
    text = "".join(source.read_text() for source in SOURCES)
    named = {
        *(f"hope.{one}" for one in Hope),
        *(f"showing.{one}" for one in Showing),
        *re.findall(r'"([a-z_.]+)"', text),
        *(f"error.{name}" for name in re.findall(r'"(key_\w+)"', text)),
        *(f"told.{name}.{part}" for name in re.findall(r'"(\w+)"', text) for part in ("title", "text")),
    }
    kept = {key for key in languages()[FIRST].messages if not key.startswith(("refused.", "way."))}
    assert kept <= named


@pytest.mark.parametrize("code", CODES)
def test_every_reason_not_to_believe_a_statement_has_a_sentence(code):
    unspoken = {"evidence_kind", "claim_missing", "claim_malformed", "claim_unknown"}  # a code says more to who signs
    assert languages()[FIRST].has(f"refused.{code}") == (code not in unspoken)


ACCEPTED = [
    ("", "en"),
    ("de", "de"),
    ("DE", "de"),
    ("de-CH", "de"),
    ("de-CH-1996", "de"),
    ("en-US,en;q=0.9,de;q=0.8", "en"),
    ("fr,de;q=0.8,en;q=0.7", "de"),
    ("en;q=0.1,de;q=0.2", "de"),
    ("de;q=0,en", "en"),
    ("de;q=0", "en"),
    ("*", "en"),
    ("fr", "en"),
    ("xx,*;q=0.1", "en"),
    ("deutsch", "en"),
    ("de;q=2", "en"),
    ("de;q=-1", "en"),
    ("de;q=nan", "en"),
    (";;;,,,", "en"),
    ("<script>", "en"),
    ("../de", "en"),
    ("de\u0131", "en"),
    ("x," * 5000 + "de", "en"),
]


@pytest.mark.parametrize(("accepted", "code"), ACCEPTED)
def test_the_language_that_a_browser_asks_for(accepted, code):
    assert preferred(accepted).code == code


def test_what_is_put_into_a_sentence_is_escaped():
    said = languages()["en"].say("answer.title", model="<script>{model}</script>")
    assert str(said) == "May &lt;script&gt;{model}&lt;/script&gt; be released to you?"
