"""Human review over a store, with a clock that is set: what ends by itself, what a crash leaves, whose turn it is."""

import asyncio
import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest

from directives_for_tests import directive
from licet.control import ReviewWindow
from licet.control import reviews as module
from licet.control.viewing import Views
from licet.decisions import Caller, RowKind
from licet.errors import ConflictError, LicetError, NotFoundError
from licet.parties import CALL, CHECKLISTS, DocumentKind, Genuineness, Party, ReviewState, Standing
from licet.terms import KeyId, PartyId, format_instant
from office_for_tests import NOON, House

H, DAY, TICK = timedelta(hours=1), timedelta(days=1), timedelta.resolution
PAPER = b"%PDF-1.7 Zaphodia Quillfeather P<UTOERIKSSON<<ANNA<MARIA L898902C36UTO"
PICTURE = b"\x89PNG\r\n\x1a\n picture-marker-5317"
PLANTED = (b"Zaphodia", b"P<UTO", b"L898902C36", b"picture-marker")
STATUS = ["legible", "unaltered", "authority", "in_force", "shows_status", "one_person"]
HOLDER = ["code", "with_document", "likeness", "unaltered"]


@pytest.fixture
def house(tmp_path):
    found = House(tmp_path)
    with found.store.write() as tx:
        tx.put(Party(PartyId("p1")))
    yield found
    found.store.close()


def caller(party="p1", key="k1"):
    return Caller(KeyId(key), party=None if party is None else PartyId(party))


async def person(house, step, kind="", content=b"", **who):
    return await house.reviews.answer(caller(**who), step, kind, content)


async def asked(house, **who):
    await person(house, "ask", **who)
    await person(house, "upload", "status_document", PAPER, **who)
    await person(house, "upload", "holder_photograph", PICTURE, **who)
    with house.store.read() as tx:
        (review,) = [one.id for one in tx.reviews.of_party(PartyId(who.get("party", "p1"))) if one.is_open]
        documents = sorted(tx.reviews.documents(review), key=lambda one: one.kind, reverse=True)
        return review, [one.id for one in documents]


def files(house):
    return sorted(path for path in house.path.glob("reviews/*/*") if path.is_file())


def planted(house):
    """Where anything of a document is as it was, in any file, also the store's own."""
    whole = {path: path.read_bytes() for path in house.path.rglob("*") if path.is_file()}
    return [(path.name, text) for path, content in whole.items() for text in PLANTED if text in content]


def found(house, review):
    with house.store.read() as tx:
        return tx.reviews.get(review), tx.reviews.documents(review)


def acceptance(house, documents, **over):
    body = {
        "status": "not_foreign_person",
        "until": format_instant(house.clock.at + 30 * DAY),
        "checklist": dict(zip(documents, (STATUS, HOLDER), strict=True)),
    }
    return body | over


async def looked(house, name, review, documents):
    return [await Views(house.reviews).open(house.who(name), review, one) for one in documents]


# What ends.


async def test_documents_end_after_72_hours_and_not_before(house):
    review, _ = await asked(house)
    assert (len(files(house)), planted(house)) == (4, [])
    house.clock.at = NOON + 72 * H - TICK
    await house.reviews.sweep()
    assert len(files(house)) == 4
    house.clock.at = NOON + 72 * H
    await house.reviews.sweep()
    assert files(house) == []
    state, documents = found(house, review)
    assert (state.is_open, {one.destroyed_at for one in documents}) == (True, {house.clock.at})
    (act,) = house.log.acts("review.destroy")
    assert (act["by"], act["documents"]) == ("licet", 2)
    told = await person(house, "look")
    assert told.held_until == ()
    await person(house, "upload", "letter", PAPER)  # there is room again
    await house.reviews.sweep()
    assert len(house.log.acts("review.destroy")) == 1


async def test_documents_end_without_store_and_log(house):
    """Their own dates are enough; that they are gone is put on record when that can be done."""
    await asked(house)
    house.clock.at, house.log.is_out = NOON + 72 * H, True
    with pytest.raises(LicetError):
        await house.reviews.sweep()
    assert files(house) == []
    house.log.is_out = False
    await house.reviews.sweep()
    assert house.log.acts("review.destroy")[0]["documents"] == 2


async def test_a_start_destroys_what_a_stopped_instance_could_not(house):
    await asked(house)
    house.clock.at = NOON + 9 * DAY
    house.restart()
    async with house.reviews.sweeping():
        for _ in range(200):
            await asyncio.sleep(0.01)
            if not files(house):
                break
    assert files(house) == []


async def test_what_no_request_knows_of_is_cleared_away(house):
    window = ReviewWindow(house.path / "reviews")
    window.keep("lost", PAPER, NOON)
    (house.path / "reviews" / "sealed" / "half").write_bytes(b"half")
    await house.reviews.sweep()
    assert files(house) == []


async def test_a_key_that_is_gone_ends_a_document(house):
    review, (first, second) = await asked(house)
    (house.path / "reviews" / "keys" / first).unlink()
    (house.path / "reviews" / "sealed" / first).unlink()
    await house.reviews.sweep()
    gone = {one.id: one.destroyed_at for one in found(house, review)[1]}
    assert gone == {first: NOON, second: None}


async def test_a_question_that_nobody_answers_ends_the_request(house):
    review, _ = await asked(house)
    await house.do("cleo", "review.take", review=review)
    await house.do("cleo", "review.ask", review=review, message="Is there a newer one?")
    house.clock.at = NOON + 30 * DAY
    await house.reviews.sweep()
    assert found(house, review)[0].state is ReviewState.LAPSED
    assert house.log.acts("review.lapse")[0]["by"] == "licet"


async def test_a_message_is_kept_until_it_was_read(house):
    review, _ = await asked(house)
    await house.do("cleo", "review.take", review=review)
    await house.do("cleo", "review.refuse", review=review, message="Quite unreadable, sorry.")
    assert "Quite" not in str(house.log.records)
    house.clock.at = NOON + DAY
    await house.reviews.sweep()
    assert (await person(house, "look")).message == "Quite unreadable, sorry."
    house.clock.at += H - TICK
    await house.reviews.sweep()
    assert (await person(house, "look")).message
    house.clock.at += TICK
    await house.reviews.sweep()
    assert (await person(house, "look")).message is None


async def test_the_counts(house):
    await asked(house)
    assert house.reviews.count() == {"open": 1, "overdue": 0, "asked": 0}
    house.clock.at = NOON + 24 * H
    assert house.reviews.count() == {"open": 1, "overdue": 1, "asked": 0}
    assert b"licet_reviews_overdue 1.0" in house.reviews.exposition()


# What is accepted.


async def test_two_accept_and_nothing_of_the_documents_is_left(house):
    review, documents = await asked(house)
    await house.do("ada", "review.take", review=review)
    await looked(house, "ada", review, documents)
    pending = (await house.do("ada", "review.accept", review=review, **acceptance(house, documents))).pending.id
    await looked(house, "cleo", review, documents)
    assert planted(house) == []
    done = await house.approve("cleo", pending)
    assert done.approved_by == "cleo"
    assert (files(house), planted(house)) == ([], [])
    with house.store.read() as tx:
        (standing,) = tx.holdings.standings(PartyId("p1"))
    assert isinstance(standing, Standing)
    assert (standing.genuineness, standing.keys) == (Genuineness.REVIEWED, (KeyId("k1"),))
    assert (standing.issuer, standing.recheck_at) == ("gateway", standing.not_after)
    (act,) = house.log.acts("review.accept")
    assert (act["by"], act["approved_by"], act["effect"]) == ("ada", "cleo", "loosens")
    assert not {"status", "facts", "checklist", "message", "nationalities"} & act.keys()
    assert not any(text.decode("latin-1") in str(house.log.records) for text in PLANTED)


@pytest.mark.parametrize("days", [0, -1, 366])
async def test_an_expiry_is_within_the_age_that_counsel_allows(house, days):
    review, documents = await asked(house)
    await house.do("ada", "review.take", review=review)
    await looked(house, "ada", review, documents)
    body = acceptance(house, documents, until=format_instant(NOON + days * DAY))
    assert await house.refused(house.do("ada", "review.accept", review=review, **body)) == "bad_expiry"


NATIONALITIES = [
    ("foreign_person", ["FR"], False, "nationality_not_asked"),
    ("foreign_person", ["FR"], True, "proposed"),
    ("foreign_person", ["XX"], True, "invalid_input"),
    ("foreign_person", [], False, "done"),
    ("not_foreign_person", ["FR"], True, "nationality_not_asked"),
    ("not_foreign_person", [], True, "proposed"),
]


@pytest.mark.parametrize(("status", "nationalities", "reads", "expected"), NATIONALITIES)
async def test_a_nationality_is_taken_only_where_an_order_reads_it(house, status, nationalities, reads, expected):
    if reads:
        await house.agreed("item.add", id="fable-5", upstream="main")
        scoped = directive(persons={"nationals_of_groups": ["D:5"]})
        await house.do("ada", "directive.activate", text=scoped, name="directive")
    review, documents = await asked(house)
    await house.do("ada", "review.take", review=review)
    await looked(house, "ada", review, documents)
    body = acceptance(house, documents, status=status, nationalities=nationalities)
    try:
        done = await house.do("ada", "review.accept", review=review, **body)
        answer = "proposed" if hasattr(done, "pending") else "done"
    except LicetError as err:
        answer = err.code
    assert answer == expected
    assert (await person(house, "look")).asks_nationality is reads


async def test_what_was_proposed_does_not_outlive_its_documents(house):
    """The second person has nothing to look at any more, so there is nothing to agree to."""
    review, documents = await asked(house)
    house.clock.at = NOON + 60 * H
    await house.do("ada", "review.take", review=review)
    await looked(house, "ada", review, documents)
    pending = (await house.do("ada", "review.accept", review=review, **acceptance(house, documents))).pending.id
    await looked(house, "cleo", review, documents)
    house.clock.at = NOON + 72 * H
    assert await house.refused(house.approve("cleo", pending)) == "document_gone"
    with house.store.read() as tx:
        assert tx.holdings.standings(PartyId("p1")) == []


async def test_a_later_review_takes_the_place_of_an_earlier_one(house):
    for _ in range(2):
        review, documents = await asked(house)
        await house.do("ada", "review.take", review=review)
        await looked(house, "ada", review, documents)
        pending = (await house.do("ada", "review.accept", review=review, **acceptance(house, documents))).pending.id
        await looked(house, "ben", review, documents)
        await house.approve("ben", pending)
        house.clock.at += H
    with house.store.read() as tx:
        rows = [tx.find(RowKind.STANDING, one.id) for one in tx.holdings.standings(PartyId("p1"))]
    assert sorted(one.withdrawal is None for one in rows) == [False, True]


async def test_one_who_may_loosen_alone_does_and_it_is_said(tmp_path):
    house = House(tmp_path, single=True)
    review, documents = await asked(house)
    await house.do("ada", "review.take", review=review)
    await looked(house, "ada", review, documents)
    done = await house.do("ada", "review.accept", review=review, **acceptance(house, documents))
    assert done.loosened_by_one_person
    assert house.log.acts("review.accept")[0]["single_person"]
    assert files(house) == []
    house.store.close()


# Who may look.


async def test_whoever_does_not_have_it_sees_nothing(house):
    review, (first, _) = await asked(house)
    for name in ("ada", "cleo"):
        assert await house.refused(looked(house, name, review, [first])) == "review_not_held"
    await house.do("ada", "review.take", review=review)
    assert await house.refused(looked(house, "cleo", review, [first])) == "review_not_held"
    assert await house.refused(looked(house, "ada", review, ["other"])) == "document_gone"
    await looked(house, "ada", review, [first])
    assert [(act["by"], act["document"]) for act in house.log.acts("review.open")] == [("ada", first)]


async def test_nothing_is_shown_before_it_is_on_record(house):
    review, documents = await asked(house)
    await house.do("ada", "review.take", review=review)
    house.log.is_out = True
    assert await house.refused(looked(house, "ada", review, documents)) != "done"


async def test_a_link_ends_after_a_minute(house):
    review, documents = await asked(house)
    await house.do("ada", "review.take", review=review)
    views = Views(house.reviews)
    links = [(await views.open(house.who("ada"), review, documents[0]))["path"] for _ in range(2)]
    first, second = (link.rsplit("/", 1)[1] for link in links)
    house.clock.at = NOON + timedelta(seconds=60) - TICK
    assert views.look(first) == ("application/pdf", PAPER)
    house.clock.at += TICK
    for token in (first, second, "", "x" * 43):
        with pytest.raises(NotFoundError):
            views.look(token)


# What is not taken.


async def test_a_key_of_nobody_in_particular_asks_for_nothing(house):
    assert await house.refused(person(house, "ask", party=None)) == "key_without_party"
    assert await house.refused(person(house, "dance")) == "invalid_input"


async def test_three_requests_a_day(house):
    for _ in range(3):
        await person(house, "ask")
        await person(house, "withdraw")
    assert await house.refused(person(house, "ask")) == "too_many_reviews"
    house.clock.at = NOON + DAY - TICK
    assert await house.refused(person(house, "ask")) == "too_many_reviews"
    house.clock.at = NOON + DAY
    assert (await person(house, "ask")).state is ReviewState.WAITING


async def test_nine_documents_in_all(house):
    await person(house, "ask")
    for _ in range(3):
        for _ in range(3):
            await person(house, "upload", "letter", PAPER)
        house.clock.at += 72 * H
        await house.reviews.sweep()
    assert await house.refused(person(house, "upload", "letter", PAPER)) == "too_many_documents"


async def test_the_queue_and_the_disk_are_bounded(house, monkeypatch):
    monkeypatch.setattr(module, "MOST_OPEN", 1)
    monkeypatch.setattr(module, "MOST_HELD_BYTES", 2 * len(PAPER))
    await person(house, "ask")
    assert await house.refused(person(house, "ask", party="p2", key="k2")) == "too_many_reviews"
    await person(house, "upload", "letter", PAPER)
    assert await house.refused(person(house, "upload", "letter", PAPER)) == "too_many_documents"
    assert len(files(house)) == 2


async def test_a_document_that_could_not_be_put_on_record_is_not_held(house):
    await person(house, "ask")
    house.log.is_out = True
    assert await house.refused(person(house, "upload", "letter", PAPER)) != "done"
    assert files(house) == []


# The window.


def test_a_document_comes_back_as_it_was_and_its_key_is_not_beside_it(tmp_path):
    window = ReviewWindow(tmp_path / "reviews")
    window.keep("d1", PAPER, NOON)
    window.keep("d2", PAPER, NOON)
    keys, sealed = ({path.read_bytes() for path in (tmp_path / "reviews" / x).iterdir()} for x in ("keys", "sealed"))
    assert (len(keys), len(sealed)) == (2, 2)
    assert window.open("d1") == PAPER
    window.destroy("d1")
    window.destroy("d1")
    for name in ("d1", "d3"):
        with pytest.raises(NotFoundError):
            window.open(name)
    assert window.held().keys() == {"d2"}


@pytest.mark.parametrize("name", ["../d", "", "a/b", ".", "x" * 300])
def test_a_name_is_a_name(tmp_path, name):
    window = ReviewWindow(tmp_path)
    for act in (window.open, window.destroy, lambda one: window.keep(one, PAPER, NOON)):
        with pytest.raises(LicetError):
            act(name)


@pytest.mark.parametrize("place", ["keys", "sealed"])
def test_what_was_altered_is_not_opened(tmp_path, place):
    window = ReviewWindow(tmp_path)
    window.keep("d1", PAPER, NOON)
    path = tmp_path / place / "d1"
    path.write_bytes(path.read_bytes()[:-1] + b"\0" if path.read_bytes()[-1:] != b"\0" else b"\1")
    with pytest.raises(NotFoundError):
        window.open("d1")


def test_one_documents_key_opens_no_other(tmp_path):
    window = ReviewWindow(tmp_path)
    window.keep("d1", PAPER, NOON)
    for place in ("keys", "sealed"):
        (tmp_path / place / "d2").write_bytes((tmp_path / place / "d1").read_bytes())
    with pytest.raises(NotFoundError):
        window.open("d2")


_KILLED = """
import os, signal, sys
from pathlib import Path
from licet.control import ReviewWindow
unlink, left = Path.unlink, [int(sys.argv[2])]
def dying(self, missing_ok=False):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    unlink(self, missing_ok=missing_ok)
Path.unlink = dying
ReviewWindow(Path(sys.argv[1])).destroy(sys.argv[3])
"""


@pytest.mark.parametrize("unlinked", [0, 1])
async def test_a_kill_between_the_steps_leaves_nothing_that_can_be_opened(house, unlinked):
    """Killed with the key overwritten and not yet removed, and with the key gone and the ciphertext there."""
    review, (first, second) = await asked(house)
    command = [sys.executable, "-c", _KILLED, str(house.path / "reviews"), str(unlinked), first]
    assert subprocess.run(command, env=os.environ, check=False).returncode == -signal.SIGKILL
    window = ReviewWindow(house.path / "reviews")
    assert (house.path / "reviews" / "sealed" / first).exists()
    with pytest.raises(NotFoundError):
        window.open(first)
    await person(house, "withdraw")
    assert files(house) == []
    assert {one.destroyed_at for one in found(house, review)[1]} == {NOON}
    with pytest.raises(NotFoundError):
        window.open(second)


async def test_a_crash_between_the_decision_and_the_destruction_is_made_good(house, monkeypatch):
    review, _ = await asked(house)
    await house.do("cleo", "review.take", review=review)

    async def crash(*_):
        raise ConflictError("killed")

    with monkeypatch.context() as patched:
        patched.setattr(house.reviews.__class__, "clear", crash)
        with pytest.raises(ConflictError):
            await house.do("cleo", "review.refuse", review=review, message="expired")
    assert len(files(house)) == 4
    house.restart()
    await house.reviews.sweep()
    assert files(house) == []


def test_every_kind_of_document_has_a_checklist():
    assert set(CHECKLISTS) == {*DocumentKind, CALL}
