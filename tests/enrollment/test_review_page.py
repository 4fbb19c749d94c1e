"""A human review over a real instance: refused, asks, hands in, two reviewers, served with the same key."""

import json
import tarfile
from datetime import timedelta

import pytest

from directives_for_tests import directive
from instance_for_tests import as_person, call, configure, create_instance, serving, token_of
from licet.app.backup import back_up
from licet.cli import run
from licet.fleet import Clock
from licet.stores import ACTING, Role
from licet.terms import format_instant
from pages_for_tests import HUMAN, Surfer, free_port, link_of
from places_for_tests import short_directory
from standin_for_tests import eventually, stand_in

STAFF = {"ada": ACTING, "ben": ACTING, "cleo": frozenset({Role.OFFICER}), "olga": frozenset({Role.OPERATOR})}
MRZ = b"P<UTOERIKSSON<<ANNA<MARIA<<<<<<<<<<<<<<<<<<<\nL898902C36UTO7408122F1204159ZE184226B<<<<<10"
PLANTED = [MRZ[:30], b"L898902C36UTO", b"ERIKSSON", b"Zaphodia Quillfeather", b"picture-marker-5317"]
PASSPORT = b"%PDF-1.7\n" + MRZ + b"\nZaphodia Quillfeather\n%%EOF"
PHOTOGRAPH = b"\xff\xd8\xff\xe0" + b"picture-marker-5317" * 50 + bytes(range(256)) + b"\xff\xd9"
STATUS = ["legible", "unaltered", "authority", "in_force", "shows_status", "one_person"]
HOLDER = ["code", "with_document", "likeness", "unaltered"]


@pytest.fixture(scope="module")
def instance():
    with stand_in() as upstream, short_directory() as directory:
        create_instance(directory, STAFF)
        configure(directory, upstream.url)
        port = free_port()
        path = directory / "licet.toml"
        text = path.read_text().replace('gateway = "127.0.0.1:0"', f'gateway = "127.0.0.1:{port}"')
        more = f'[gateway]\npublic_url = "http://127.0.0.1:{port}"\n[enrollment]\nhuman_contact = "{HUMAN}"\n'
        path.write_text(text + "\n" + more + "[review]\noffered = true\n")
        with serving(directory) as found:
            found.token = token_of(found, "ada")
            agreed(found, "/items", {"id": "fable-5", "upstream": "main"})
            found.act("/directives", {"text": directive()})
            yield found


def agreed(instance, path, body):
    """Two agree; what the first did, and what the second."""
    pending = instance.act(path, body, expect=202)["pending"]["id"]
    return as_person(instance, "ben").act(f"/pending/{pending}/approve", {})


names = iter(range(1000))


@pytest.fixture
def key(instance):
    return instance.party_key(f"reviewed-{next(names)}")


def door(instance, key, path="", method="POST", body=b""):
    data = None if method == "GET" else body
    return call(f"{instance.gateway}/licet/review{path}", data, {"authorization": f"Bearer {key}"}, method)


def later(days=30):
    return format_instant(Clock().now() + timedelta(days=days))


def opened(instance, who, review, document):
    answer = as_person(instance, who).act(f"/reviews/{review}/documents/{document}/open", {})
    return call(instance.control + answer["path"])


def everywhere(instance):
    """Each file of the instance, whole."""
    return {path: path.read_bytes() for path in instance.directory.rglob("*") if path.is_file()}


def holding(instance, texts):
    return [(str(path), text) for path, content in everywhere(instance).items() for text in texts if text in content]


def through_the_page(instance, key):
    """Ask and hand two documents in, in a browser without scripts."""
    surfer, link = Surfer(language="en"), link_of(instance.chat(key, "fable-5"))
    overview = surfer.prove(link, key)
    assert "Have a person look at documents" in overview.words
    page = surfer.get(link + "/review")
    page = surfer.follow(link, surfer.send(link + "/review", {"token": page.token, "step": "ask"}))
    assert "It waits for a reviewer." in page.words
    for kind, content in (("status_document", PASSPORT), ("holder_photograph", PHOTOGRAPH)):
        fields = {"token": page.token, "step": "upload", "kind": kind}
        page = surfer.follow(link, surfer.upload(link + "/review", fields, {"file": ("x.bin", content)}))
    assert page.words.count("held, and destroyed at the latest") == 2
    return surfer, link


def mine(instance, party):
    (found,) = [one for one in instance.act("/reviews") if one["party"] == party]
    return instance.act(f"/reviews/{found['id']}")


def test_refused_asks_is_looked_at_by_two_and_is_served_with_the_same_key(instance, key):
    assert instance.chat(key, "fable-5").status == 403
    surfer, link = through_the_page(instance, key)
    review = mine(instance, next(reversed(instance.keys)))
    status, photograph = (one["document"] for one in review["documents"])
    assert holding(instance, PLANTED) == []
    sealed = [path for path in (instance.directory / "reviews").rglob("*") if path.is_file()]
    assert len(sealed) == 4
    assert {path.stat().st_mode & 0o777 for path in sealed} == {0o600}

    path = f"/reviews/{review['id']}"
    assert instance.act(f"{path}/documents/{status}/open", {}, expect=403)["code"] == "review_not_held"
    instance.act(f"{path}/take", {})
    assert as_person(instance, "cleo").act(f"{path}/take", {}, expect=409)["code"] == "review_held"
    body = {"status": "not_foreign_person", "until": later(), "checklist": {status: STATUS, photograph: HOLDER}}
    assert instance.act(f"{path}/accept", body, expect=409)["code"] == "not_looked"
    seen = opened(instance, "ada", review["id"], status)
    assert (seen.status, seen.body, seen.headers["content-type"]) == (200, PASSPORT, "application/pdf")
    assert seen.headers["cache-control"] == "no-store"
    assert seen.headers["content-disposition"] == "inline"
    assert seen.headers["content-security-policy"].startswith("sandbox;")
    assert opened(instance, "ada", review["id"], photograph).body == PHOTOGRAPH

    pending = instance.act(f"{path}/accept", body, expect=202)["pending"]["id"]
    assert instance.act(f"{path}/accept", body, expect=409)["code"] == "already_proposed"
    assert instance.chat(key, "fable-5").status == 403
    second = as_person(instance, "cleo")
    assert instance.act(f"/pending/{pending}/approve", {}, expect=403)["code"] == "own_act"
    assert second.act(f"/pending/{pending}/approve", {}, expect=409)["code"] == "not_looked"
    for one in (status, photograph):
        opened(instance, "cleo", review["id"], one)
    second.act(f"/pending/{pending}/approve", {})

    assert instance.chat(key, "fable-5").status == 200
    assert "is served" in surfer.get(link).words
    assert [path for path in (instance.directory / "reviews").rglob("*") if path.is_file()] == []
    assert holding(instance, PLANTED) == []
    (row,) = instance.act(f"/parties/{review['party']}")["standings"]
    assert (row["kind"], row["genuineness"], row.get("binding", "named")) == ("human_review", "reviewed", "named")
    assert row["keys"] == [key.split("_")[1]]
    acts = [one["body"]["act"] for one in eventually(lambda: destroyed(instance, review["id"]))]
    assert acts.count("review.open") == 4
    assert acts[-1] == "review.destroy"
    assert "not_foreign" not in json.dumps(instance.records(review=review["id"]))
    after = instance.act(path)
    assert (after["state"], after["checklist"][status]) == ("accepted", sorted(STATUS))
    instance.act(f"/parties/{review['party']}/standings/{row['id']}/withdraw", {"reason": "a test"})
    assert instance.chat(key, "fable-5").status == 403


def destroyed(instance, review):
    found = instance.records(review=review)
    return found if any(one["body"]["act"] == "review.destroy" for one in found) else None


def test_a_link_is_good_once(instance, key):
    door(instance, key)
    door(instance, key, "/documents?kind=letter", body=PASSPORT)
    review = mine(instance, next(reversed(instance.keys)))
    instance.act(f"/reviews/{review['id']}/take", {})
    answer = instance.act(f"/reviews/{review['id']}/documents/{review['documents'][0]['document']}/open", {})
    assert call(instance.control + answer["path"]).body == PASSPORT
    again = call(instance.control + answer["path"])
    assert (again.status, again.json["code"]) == (404, "unknown_link")


def test_a_refusal_is_told_in_plain_words_and_one_may_ask_again(instance, key):
    door(instance, key)
    party = next(reversed(instance.keys))
    review = mine(instance, party)
    instance.act(f"/reviews/{review['id']}/take", {})
    instance.act(f"/reviews/{review['id']}/refuse", {"message": "  "}, expect=400)
    instance.act(f"/reviews/{review['id']}/refuse", {"message": "It has expired; a newer one will do."})
    told = door(instance, key, method="GET").json
    assert (told["state"], told["message"]) == ("refused", "It has expired; a newer one will do.")
    assert "newer one" not in json.dumps(instance.records(review=review["id"]))
    assert door(instance, key).json["state"] == "waiting"


def test_what_is_asked_is_answered_and_the_clock_runs_again(instance, key):
    assert door(instance, key).json["due"]
    review = mine(instance, next(reversed(instance.keys)))
    path = f"/reviews/{review['id']}"
    instance.act(f"{path}/take", {})
    instance.act(f"{path}/ask", {"message": "The <b>lower</b> half is dark."})
    told = door(instance, key, method="GET").json
    assert (told["state"], told["due"]) == ("asked", None)
    surfer, link = Surfer(language="de"), link_of(instance.chat(key, "fable-5"))
    surfer.prove(link, key)
    page = surfer.get(link + "/review")
    assert "&lt;b&gt;lower" in page.text
    assert "braucht etwas von Ihnen" in page.words
    told = door(instance, key, "/documents?kind=status_document", body=PASSPORT).json
    assert (told["state"], bool(told["due"])) == ("taken", True)
    instance.act(f"{path}/escalate", {})
    assert instance.act(f"{path}/take", {}, expect=403)["code"] == "passed_on"
    as_person(instance, "ben").act(f"{path}/take", {})


def test_taking_it_back_destroys_at_once(instance, key):
    door(instance, key)
    door(instance, key, "/documents?kind=letter", body=PASSPORT)
    review = mine(instance, next(reversed(instance.keys)))
    name = review["documents"][0]["document"]
    assert list((instance.directory / "reviews").rglob(name))
    assert door(instance, key, "/withdraw").json == {
        "state": "withdrawn", "code": None, "due": None, "message": None, "asks_nationality": False, "documents": [],
    }  # fmt: skip
    assert list((instance.directory / "reviews").rglob(name)) == []
    assert door(instance, key, "/withdraw").json["code"] == "no_review"


WRONG = [
    ("/documents?kind=letter", b"GIF89a nonsense", 400, "document_type"),
    ("/documents?kind=letter", b"", 400, "document_type"),
    ("/documents?kind=letter", b"%PDF-", 400, "document_type"),
    ("/documents?kind=letter", b"\xff\xd8", 400, "document_type"),
    ("/documents?kind=us_passport", PASSPORT, 400, "document_kind"),
    ("/documents", PASSPORT, 400, "document_kind"),
    ("/documents?kind=letter", b"%PDF-" + b"x" * (5 * 1024 * 1024), 413, "body_too_large"),
    ("", b"{}", 413, "body_too_large"),
    ("", b"", 409, "review_open"),
    ("/other", b"", 404, "unknown_route"),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), WRONG)
def test_what_is_not_taken(instance, key, path, body, status, code):
    assert door(instance, key).status == 200
    answer = door(instance, key, path, body=body)
    assert (answer.status, answer.json["code"]) == (status, code)
    assert mine(instance, next(reversed(instance.keys)))["documents"] == []


def test_a_backup_of_the_window_has_neither_documents_nor_keys(instance, key, tmp_path):
    door(instance, key)
    for kind, content in (("status_document", PASSPORT), ("holder_photograph", PHOTOGRAPH)):
        door(instance, key, f"/documents?kind={kind}", body=content)
    window = [path for path in (instance.directory / "reviews").rglob("*") if path.is_file()]
    secrets = [path.read_bytes() for path in window]
    archive, keys = tmp_path / "backup.tar.gz", tmp_path / "keys.tar.gz"
    back_up(instance.directory, archive, keys, Clock().now())
    members = {}
    for path in (archive, keys):
        with tarfile.open(path) as file:
            members |= {one.name: file.extractfile(one).read() for one in file.getmembers() if one.isfile()}
    assert len(members) > 3
    assert [name for name in members if "reviews" in name] == []
    found = [name for name, content in members.items() for text in (*PLANTED, *secrets) if text in content]
    assert found == []


def test_nobody_without_a_key_is_told_anything(instance):
    answer = call(f"{instance.gateway}/licet/review", None, {})
    assert answer.status == 401


def test_the_largest_document_is_taken_and_a_fourth_is_not(instance, key):
    assert door(instance, key, "/documents?kind=letter", body=PASSPORT).json["code"] == "no_review"
    door(instance, key)
    largest = b"%PDF-" + b"x" * (5 * 1024 * 1024 - 5)
    assert door(instance, key, "/documents?kind=letter", body=largest).status == 200
    for _ in range(2):
        assert door(instance, key, "/documents?kind=letter", body=PASSPORT).status == 200
    answer = door(instance, key, "/documents?kind=letter", body=PASSPORT)
    assert (answer.status, answer.json["code"]) == (409, "too_many_documents")


def test_the_commands_say_what_they_do(instance, key, capsys, monkeypatch):
    monkeypatch.setenv("LICET_ADMINISTRATOR", "ada")
    monkeypatch.setenv("LICET_DIR", str(instance.directory))
    door(instance, key)
    door(instance, key, "/documents?kind=status_document", body=PASSPORT)
    review = mine(instance, next(reversed(instance.keys)))
    name, document = review["id"], review["documents"][0]["document"]
    assert run(["review", "list"]) == 0
    assert name in capsys.readouterr().out
    assert run(["review", "take", name]) == 0
    assert run(["review", "show", name]) == 0
    shown = capsys.readouterr().out
    assert "shows_status: it shows the status that is accepted" in shown
    assert run(["review", "open", name, document, "--json"]) == 0
    url = json.loads(capsys.readouterr().out)["url"]
    assert call(url).body == PASSPORT
    seen = ["--seen", f"{document}={','.join(STATUS)}", "--seen", "call=code,with_document,likeness"]
    wanted = ["review", "accept", name, "--status", "foreign_person", "--until", later()]
    assert run([*wanted, "--nationality", "FR", *seen]) == 1
    assert "nationality_not_asked" in capsys.readouterr().err
    assert run([*wanted, *seen[:2]]) == 1
    assert "checklist_incomplete" in capsys.readouterr().err
    assert run([*wanted, *seen]) == 0  # it loosens nothing, so one is enough
    assert "accepted" in capsys.readouterr().out
    (row,) = instance.act(f"/parties/{review['party']}")["standings"]
    assert (row["facts"], row["binding"]) == ([{"fact": "foreign_person"}], "present")
    assert instance.chat(key, "fable-5").status == 403


def test_an_operator_is_no_reviewer(instance, key):
    door(instance, key)
    review = mine(instance, next(reversed(instance.keys)))
    for path, body in (("take", {}), ("ask", {"message": "x"}), ("escalate", {}), ("refuse", {"message": "x"})):
        answer = as_person(instance, "olga").act(f"/reviews/{review['id']}/{path}", body, expect=403)
        assert answer["code"] == "not_permitted"
    assert as_person(instance, "olga").act("/reviews", expect=403)["code"] == "not_permitted"


def test_the_counts_are_told(instance, key):
    door(instance, key)
    token = {"authorization": f"Bearer {instance.token}"}
    text = call(instance.control + "/metrics", None, token).body.decode()
    assert "licet_reviews_overdue 0.0" in text
    assert "licet_reviews_open " in text
    assert instance.act("/status")["open_reviews"] > 0
