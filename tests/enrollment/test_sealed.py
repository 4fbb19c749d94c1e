"""Links, sessions and forms by themselves: what is sealed, what is taken back, and for how long."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request as WebRequest

from decisions_for_tests import AT, asks, snapshot
from directives_for_tests import directive
from licet.decisions import Caller, Request, RequestedAct, decide
from licet.enrollment.forms import MOST_BYTES, TooLargeError, read_fields
from licet.enrollment.sealing import Seal
from licet.enrollment.sessions import LIFETIME as VISIT
from licet.enrollment.sessions import Sessions, Settled
from licet.enrollment.tickets import LIFETIME, Tickets
from licet.errors import InputError

SECRET, TICK = b"s" * 32, timedelta.resolution
ROOT = "/a/licet/enroll/"
TICKETS = Tickets(SECRET, "https://gate.example/a/")
REFUSAL = decide(asks(), snapshot(directive()), AT)
ME = Caller("k1", party="p1")


def linked(request=None, tickets=TICKETS):
    return tickets.link(request or asks(), REFUSAL, "01RECORD", AT)


def text_of(link):
    return link.rsplit("/", 1)[1]


# Links.


def test_a_link_stands_for_the_request_that_was_refused():
    request = Request("ft:fable-5:x", RequestedAct.INFERENCE, ME, "fable-5", ("fable-5",))
    link = linked(request)
    assert link.startswith("https://gate.example/a/licet/enroll/")
    assert TICKETS.root == ROOT
    ticket = TICKETS.read(text_of(link), AT)
    assert (ticket.record, ticket.key) == ("01RECORD", "k1")
    assert ticket.asks(ME) == request


def test_a_link_is_good_for_a_day_and_not_at_its_end():
    text = text_of(linked())
    assert TICKETS.read(text, AT + LIFETIME - TICK) is not None
    assert TICKETS.read(text, AT + LIFETIME) is None


def test_a_link_names_nobody():
    text = text_of(linked())
    assert "k1" not in text
    assert "p1" not in text
    assert "fable" not in text


def test_there_is_no_link_where_the_gateway_does_not_know_its_own_address():
    assert linked(tickets=Tickets(SECRET, None)) is None


@pytest.mark.parametrize("binding", ["dpop", "mtls"])
def test_there_is_no_link_for_whom_a_page_cannot_tell(binding):
    assert linked(asks(Caller("k1", party="p1", binding=binding))) is None


@pytest.mark.parametrize(("length", "is_there"), [(256, True), (257, False)])
def test_there_is_no_link_for_a_name_that_is_too_long(length, is_there):
    assert (linked(asks(model="m" * length)) is not None) == is_there


def test_there_is_no_link_for_a_model_that_is_unknown():
    unknown = decide(asks(model="nothing"), snapshot(directive()), AT)
    assert TICKETS.link(asks(model="nothing"), unknown, "01RECORD", AT) is None


def test_a_link_of_another_instance_is_none():
    assert TICKETS.read(text_of(linked(tickets=Tickets(b"t" * 32, "https://gate.example"))), AT) is None


def test_a_session_is_no_link():
    sessions = Sessions(SECRET, ROOT, is_secure=True)
    cookie = sessions.kept(sessions.begin("t", AT), AT).partition("=")[2].partition(";")[0]
    assert TICKETS.read(cookie, AT) is None


@given(st.integers(0, 10_000), st.integers(1, 255))
def test_a_link_with_one_byte_altered_is_none(place, change):
    text = text_of(linked())
    place %= len(text)
    altered = text[:place] + chr(ord(text[place]) ^ change) + text[place + 1 :]
    assert TICKETS.read(altered, AT) is None


@given(st.text(max_size=200))
def test_no_text_that_is_made_up_is_a_link(text):
    assert TICKETS.read(text, AT) is None


@pytest.mark.parametrize("over", ["=", "==", "A", "%41", " ", "\n", "."])
def test_a_link_has_one_spelling(over):
    assert TICKETS.read(text_of(linked()) + over, AT) is None
    assert TICKETS.read(over + text_of(linked()), AT) is None


class _Anything(msgspec.Struct):
    members: dict[str, int]


def test_what_is_sealed_of_another_shape_is_none():
    assert TICKETS.read(Seal(SECRET, "ticket").close(_Anything({"a": 1})), AT) is None


# Sessions.


@pytest.fixture
def sessions():
    return Sessions(SECRET, ROOT, is_secure=True)


def cookie_of(sessions, session, at=AT):
    return sessions.kept(session, at).partition(";")[0].encode()


def test_a_session_comes_back_whole(sessions):
    session = msgspec.structs.replace(
        sessions.begin("t", AT, ME, "de"), notes={"organization": {"nonce": "n"}}, settled=Settled(AT, "01R")
    )
    assert sessions.find(cookie_of(sessions, session), "t", AT) == session


def test_a_session_belongs_to_one_link_and_ends(sessions):
    cookie = cookie_of(sessions, sessions.begin("t", AT, ME))
    assert sessions.find(cookie, "u", AT) is None
    assert sessions.find(cookie, "t", AT + VISIT - TICK) is not None
    assert sessions.find(cookie, "t", AT + VISIT) is None
    assert Sessions(b"o" * 32, ROOT, is_secure=True).find(cookie, "t", AT) is None


def test_a_cookie_is_read_among_others_and_rubbish_is_none(sessions):
    session = sessions.begin("t", AT)
    cookie = cookie_of(sessions, session)
    assert sessions.find(b"a=1; " + cookie + b'; b="2"', "t", AT) == session
    for header in (b"", b"a", b"\xff\xfe", cookie + b"x", cookie[:-3], b"__Host-licet-enroll=", b"x" * 9000):
        assert sessions.find(header, "t", AT) is None


def test_over_https_the_cookie_is_the_hosts_own():
    kept = Sessions(SECRET, ROOT, is_secure=True).kept(Sessions(SECRET, ROOT, is_secure=True).begin("t", AT), AT)
    name, *limits = kept.split("; ")
    assert name.startswith("__Host-licet-enroll=")
    assert set(limits) == {"Secure", "Path=/", "HttpOnly", "SameSite=Strict", "Max-Age=1800"}
    plain = Sessions(SECRET, ROOT, is_secure=False).kept(Sessions(SECRET, ROOT, is_secure=False).begin("t", AT), AT)
    assert plain.startswith("licet-enroll=")
    assert set(plain.split("; ")[1:]) == {f"Path={ROOT}", "HttpOnly", "SameSite=Strict", "Max-Age=1800"}


def test_a_cookie_has_room_for_all_that_a_visit_holds(sessions):
    caller = Caller("k" * 64, party="p" * 64, place="US")
    notes = {"organization": {"nonce": "n" * 32, "ends": "2026-06-15T12:05:00.000000Z"}}
    session = msgspec.structs.replace(sessions.begin("t" * 600, AT, caller, "de"), notes=notes)
    assert len(sessions.kept(session, AT)) < 1024


def test_a_form_is_of_its_own_session_only(sessions):
    one, other = sessions.begin("t", AT, ME), sessions.begin("t", AT, ME)
    assert sessions.has_sent(one, sessions.token(one))
    assert not sessions.has_sent(one, sessions.token(other))
    for wrong in ("", "x", "\u00e9", "\ud800", sessions.token(one) + "a", sessions.token(one)[:-1]):
        assert not sessions.has_sent(one, wrong)


# Forms.

PLAIN = "application/x-www-form-urlencoded"
MARK = "multipart/form-data; boundary=b"


def part(name, content, more=""):
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{more}\r\n\r\n'.encode() + content + b"\r\n"


async def read(body, *types, chunk=1000):
    pieces = [body[i : i + chunk] for i in range(0, len(body), chunk)] or [b""]

    async def receive():
        piece = pieces.pop(0)
        return {"type": "http.request", "body": piece, "more_body": bool(pieces)}

    headers = [(b"content-type", one.encode("latin-1")) for one in types]
    return await read_fields(WebRequest({"type": "http", "method": "POST", "headers": headers}, receive))


GOOD = [
    (b"a=1&b=x+y%20z&c=", PLAIN, {"a": "1", "b": "x y z", "c": ""}),
    (b"", PLAIN, {}),
    (b"a=%C3%A9", PLAIN + "; charset=utf-8", {"a": "\u00e9"}),
    (part("a", b"1") + part("f", b"x.y.z\n", '; filename="a.jwt"') + b"--b--\r\n", MARK, {"a": "1", "f": "x.y.z\n"}),
    (part("f", b"", '; filename=""') + b"--b--\r\n", MARK, {"f": ""}),
]
BAD = [
    (b"a=1&a=2", PLAIN, "duplicate_member"),
    (b"a", PLAIN, "malformed_form"),
    (b"a=%FF", PLAIN, "malformed_form"),
    (b"a=\xc3\xa9", PLAIN, "malformed_form"),
    (b"&".join(b"a%d=1" % i for i in range(17)), PLAIN, "malformed_form"),
    (b"a=1", "text/plain", "malformed_form"),
    (b"a=1", "", "malformed_form"),
    (b'{"a":1}', "application/json", "malformed_form"),
    (part("a", b"\xff") + b"--b--\r\n", MARK, "malformed_form"),
    (part("a", b"1"), MARK, "malformed_form"),
    (part("a", b"1") + part("a", b"2") + b"--b--\r\n", MARK, "duplicate_member"),
    (part("a", b"1") + b"--b--\r\nmore", MARK, "malformed_form"),
]


@pytest.mark.parametrize(("body", "kind", "fields"), GOOD)
@pytest.mark.parametrize("chunk", [1, 7, 1000])
async def test_a_form_as_browsers_send_it(body, kind, fields, chunk):
    assert await read(body, kind, chunk=chunk) == fields


@pytest.mark.parametrize(("body", "kind", "code"), BAD)
async def test_a_form_that_is_wrong(body, kind, code):
    with pytest.raises(InputError) as caught:
        await read(body, kind)
    assert caught.value.code == code


async def test_two_types_are_none():
    with pytest.raises(InputError):
        await read(b"a=1", PLAIN, MARK)


@pytest.mark.parametrize(("size", "is_read"), [(MOST_BYTES, True), (MOST_BYTES + 1, False)])
async def test_a_form_is_bounded(size, is_read):
    body = b"a=" + b"x" * (size - 2)
    if is_read:
        assert len((await read(body, PLAIN))["a"]) == size - 2
    else:
        with pytest.raises(TooLargeError):
            await read(body, PLAIN)


def test_the_instants_are_of_the_same_zone():
    assert AT.tzinfo is not None
    assert TICKETS.read(text_of(linked()), AT).ends.astimezone(UTC) == datetime(2026, 6, 16, 12, tzinfo=UTC)
