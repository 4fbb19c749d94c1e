"""Sealed records in the log's file: found by index, held, erased on record, and never before time."""

import sqlite3
from datetime import timedelta

import pytest

from licet.errors import ConfigurationError, ConflictError, InputError, NotFoundError, UnavailableError
from licet.logwriter import Search, database_path, open_reader, ready_record_key, record_key_path, verify_log
from licet.receipts import verify_receipt
from licet.records import Receipt, RecordKind
from licet.records.retention import years_after
from licet.records.tlog import Flaw
from log_samples import NOON, keys_of, open_sealing, open_store, record, record_key_of, verified, written_log

ADMIN = RecordKind.ADMINISTRATIVE
OVER = years_after(NOON, 5)
TICK = timedelta(microseconds=1)
P7 = {"party": "P-7", "organization": "acme", "country": "US-DE", "item": "fable", "outcome": "permit"}


@pytest.fixture
def path(directory):
    return database_path(directory)


@pytest.fixture
def store(path):
    with open_sealing(path) as opened:
        yield opened


def put(store, *records):
    return store.append_batch([each.to_bytes() for each in records])


def act(name, at=OVER, **details):
    number = f"{name}-{at.timestamp():.6f}-{len(str(details))}".replace(".", "-")
    return record(number, {"act": name, "by": "officer", **details}, at=at, kind=ADMIN)


def erase(subject, at=OVER):
    return act("record.erase", at, subject=subject, reason="why")


def reading(path):
    return open_reader(path, record_key_of(path.parent))


def found(path, **wanted):
    with reading(path) as reader:
        return [row.id for row in reader.search(Search(**wanted))]


def is_erased(path, name):
    with reading(path) as reader:
        try:
            reader.open(reader.find(name))
        except NotFoundError as err:
            return err.code == "erased"
        return False


def test_every_word_of_a_large_batch_is_found(path, store):
    """The index is written many rows at a time; none is left out at the end of a statement."""
    put(store, *(record(f"R{n}", {**P7, "party": f"P-{n}"}) for n in range(41)))
    assert [found(path, party=f"P-{n}") for n in range(41)] == [[f"R{n}"] for n in range(41)]
    assert len(found(path, organization="acme", limit=100)) == len(found(path, country="US", limit=100)) == 41


def test_what_is_written_is_sealed_and_opens_again(path, store):
    told = record("A", P7)
    (receipt,) = put(store, told)
    with reading(path) as reader, open_reader(path) as keyless:
        row = reader.find("A")
        assert (reader.open(row), row.hash.hex()) == (told, receipt.hash_hex)
        assert verify_receipt(reader.receipt("A").encode(), keys_of(path.parent).policy).entry == row.entry
        with pytest.raises(ConfigurationError) as caught:
            keyless.open(keyless.find("A"))
        assert caught.value.code == "no_record_key"
    assert all(word not in path.read_bytes() + _wal(path) for word in (b"P-7", b"acme", b"fable"))
    assert verified(path).is_whole


def _wal(path):
    wal = path.with_name(path.name + "-wal")
    return wal.read_bytes() if wal.exists() else b""


def test_a_repeated_record_gets_its_first_receipt_and_another_is_refused(store):
    first = put(store, record("A", P7))
    assert put(store, record("A", P7), record("A", {**P7, "item": "x"}))[:1] == first
    (_, other) = put(store, record("B"), record("A", {**P7, "item": "x"}))
    assert other.code == "record_id_taken"


def test_a_repeated_record_among_new_ones_and_new_subjects_changes_nothing(path, store):
    told = [record("A", P7), record("B", {**P7, "party": "P-8"}), record("C", {**P7, "licenses": ["D-1"]})]
    (first,) = put(store, told[0])
    new, again, other = put(store, told[1], told[0], told[2])
    assert (new.index, again, other.index) == (1, first, 2)
    assert put(store, *told) == (first, new, other)
    with reading(path) as reader:
        assert [reader.open(row) for row in reader.entries()] == [told[0], told[1], told[2]]
    assert verified(path).is_whole


def test_an_act_that_is_repeated_among_new_records_is_not_carried_out_again(path, store):
    held = act("hold.set", NOON, hold="H", subject="party:P-7")
    (first,) = put(store, held)
    assert put(store, record("A", P7), held)[1] == first
    assert verified(path).is_whole


def test_searches_use_the_index_and_lead_to_the_whole_transaction(path, store):
    cut = record("C", {"decision": "A", "code": "key_revoked"}, kind=RecordKind.STREAM_CUT)
    grant = record("G", {"act": "license.grant", "license": "D-1", "holders": ["acme"]}, kind=ADMIN)
    again = record("B", {"party": "P-8", "outcome": "deny", "licenses": ["D-1"]})
    put(store, grant, record("A", {**P7, "licenses": ["D-1"]}), cut, again)
    assert found(path, party="P-7") == ["A"]
    assert found(path, organization="acme") == ["A", "G"]
    assert found(path, country="US") == found(path, country="US-DE") == ["A"]
    assert found(path, country="D") == []
    assert found(path, document="D-1") == ["B", "A", "G"]
    assert found(path, outcome="deny") == ["B"]
    assert found(path, document="D-1", outcome="permit") == ["A"]
    assert found(path, party="P-7", whole=True) == ["C", "A", "G"]
    assert found(path, kind=RecordKind.STREAM_CUT, whole=True) == ["C", "A", "G"]


def test_erasure_ends_the_body_and_keeps_the_proof(path, store):
    put(store, record("A", P7), record("B", {"party": "P-8", "organization": "acme"}))
    with reading(path) as reader:
        receipt = reader.receipt("A")
    (done,) = put(store, erase("party:P-7"))
    assert isinstance(done, Receipt)
    assert [is_erased(path, name) for name in ("A", "B", done.record_id)] == [True, False, False]
    assert found(path, item="fable") == []
    assert found(path, organization="acme") == ["B"]
    assert found(path, party="P-7") == [done.record_id]
    verify_receipt(receipt.encode(), keys_of(path.parent).policy)
    assert verified(path).is_whole
    put(store, record("D", P7))
    assert not is_erased(path, "D"), "a later record has a key of its own"
    assert is_erased(path, "A")


def test_either_subject_erases_a_record_of_both(path, store):
    put(store, record("A", P7), record("B", {"party": "P-7"}))
    put(store, erase("organization:acme"))
    assert [is_erased(path, name) for name in "AB"] == [True, False]


def test_the_key_is_gone_from_the_file(path, store):
    put(store, record("A", P7))
    wrapped = _rows(path, "SELECT wrapped FROM sealing_keys")
    put(store, erase("party:P-7"), record("Z", {}))
    gone = {row[0] for row in wrapped} - {row[0] for row in _rows(path, "SELECT wrapped FROM sealing_keys")}
    assert len(gone) == 1
    assert gone.pop() not in path.read_bytes() + _wal(path)


def _rows(path, statement):
    with sqlite3.connect(path) as database:
        rows = database.execute(statement).fetchall()
    database.close()
    return rows


@pytest.mark.parametrize(
    ("at", "code"),
    [(NOON, "retention_runs"), (OVER - TICK, "retention_runs"), (OVER, None)],
)
def test_nothing_is_erased_before_time(path, store, at, code):
    put(store, record("A", P7))
    (done,) = put(store, erase("party:P-7", at))
    assert getattr(done, "code", None) == code
    assert is_erased(path, "A") == (code is None)


def test_a_later_event_of_the_transaction_holds_what_is_older(path, store):
    """The license runs on, so what relied on it is kept: also the uses of one who is gone."""
    grant = {"act": "license.grant", "license": "D-1", "valid_until": "2030-01-01T00:00:00Z"}
    put(store, record("G", grant, kind=ADMIN), record("A", {**P7, "licenses": ["D-1"]}))
    (done,) = put(store, erase("party:P-7"))
    assert (done.code, "2035-01-01" in str(done)) == ("retention_runs", True)
    (done,) = put(store, erase("party:P-7", years_after(NOON, 9)))
    assert isinstance(done, Receipt)


@pytest.mark.parametrize(
    ("subject", "is_held"),
    [
        ("all", True),
        ("party:P-7", True),
        ("organization:acme", True),
        ("country:US", True),
        ("document:D-1", True),
        ("party:P-8", False),
        ("country:FR", False),
    ],
)
def test_a_hold_blocks_erasure_until_it_is_released(path, store, subject, is_held):
    put(
        store,
        record("A", {**P7, "licenses": ["D-1"]}),
        act("hold.set", NOON, hold="H", subject=subject, reason="case 7"),
    )
    with reading(path) as reader:
        ((name, told),) = reader.holds()
        assert (name, told.body["by"], told.body["reason"]) == ("H", "officer", "case 7")
        assert reader.due("party:P-7", OVER).holds == (("H",) if is_held else ())
    (first,) = put(store, erase("party:P-7"))
    assert getattr(first, "code", None) == ("under_hold" if is_held else None)
    put(store, act("hold.release", OVER, hold="H", reason="closed"))
    (second,) = put(store, erase("party:P-7", OVER + TICK))
    assert getattr(second, "code", None) == (None if is_held else "nothing_to_erase")


@pytest.mark.parametrize(
    ("told", "kind", "code"),
    [
        (act("hold.set", hold="H", subject="party:x"), ConflictError, "hold_exists"),
        (act("hold.set", hold="H2", subject="everybody"), InputError, "invalid_input"),
        (act("hold.set", subject="all"), InputError, "invalid_input"),
        (act("hold.release", hold="other"), NotFoundError, "unknown_hold"),
        (erase("party:nobody"), NotFoundError, "nothing_to_erase"),
        (erase("instance"), InputError, "invalid_input"),
        (erase("search"), InputError, "invalid_input"),
        (act("record.erase"), InputError, "invalid_input"),
    ],
)
def test_an_act_that_cannot_be_done_is_not_recorded_and_fails_alone(path, store, told, kind, code):
    put(store, act("hold.set", NOON, hold="H", subject="party:x"))
    before, refused, after = put(store, record("A"), told, record("B"))
    assert (type(refused), refused.code) == (kind, code)
    assert [before.index, after.index] == [1, 2]
    assert verified(path).is_whole


def test_an_act_sees_what_came_before_it_in_its_batch(path, store):
    held = act("hold.set", NOON, hold="H", subject="party:P-7")
    outcomes = put(store, record("A", P7), held, erase("party:P-7"), record("B", P7))
    assert [getattr(each, "code", None) for each in outcomes] == [None, None, "under_hold", None]
    again = put(store, held)
    assert again == outcomes[1:2], "repeated, it is answered again and not done again"


def test_a_batch_that_fails_leaves_no_key_behind(path, monkeypatch):
    """A key that was made and not committed must not seal anything."""
    with open_sealing(path, max_bytes=250_000) as store:
        with pytest.raises(UnavailableError):
            put(store, *(record(f"R{n}", {"party": "P-7", "text": "x" * 30_000}) for n in range(20)))
        (done,) = put(store, record("A", {"party": "P-7"}))
        assert isinstance(done, Receipt)
    assert not is_erased(path, "A")


def test_a_log_without_sealed_bodies_is_brought_up_and_indexed(directory, path):
    written_log(directory, 3, lambda name: record(name, P7))
    with sqlite3.connect(path) as database:
        for name in ("endorsed", "bodies", "runs", "found", "holds", "sealing_keys"):
            database.execute(f"DROP TABLE {name}")
        for name in ("entries_by_at", "entries_by_kind"):
            database.execute(f"DROP INDEX {name}")
        database.execute("PRAGMA user_version = 1")
    database.close()
    with open_sealing(path) as store:
        put(store, record("new", P7))
    assert found(path, party="P-7") == ["new", "R3", "R2", "R1"]
    with reading(path) as reader:
        assert [reader.open(row).body for row in reader.entries()] == [P7] * 4
    assert verified(path).is_whole
    assert _rows(path, "PRAGMA user_version") == [(4,)]


def test_a_log_does_not_open_under_another_record_key(directory, path):
    with open_sealing(path) as store:
        put(store, record("A", P7))
    with pytest.raises(ConfigurationError) as caught:
        open_store(path, record_key=b"x" * 32)
    assert caught.value.code == "wrong_record_key"
    with open_reader(path, b"x" * 32) as reader, pytest.raises(ConfigurationError):
        reader.search(Search(party="P-7"))
    record_key_path(directory).unlink()
    with pytest.raises(ConfigurationError) as caught:
        ready_record_key(directory, path)
    assert caught.value.code == "no_record_key"


@pytest.mark.parametrize("content", ["", "zz" * 32, "ab" * 31, "ü"])
def test_a_record_key_that_is_none_is_refused(directory, path, content):
    record_key_of(directory)
    record_key_path(directory).write_text(content, encoding="utf-8")
    with pytest.raises(ConfigurationError):
        ready_record_key(directory, path)


def test_a_record_key_that_others_may_read_is_refused(directory, path):
    record_key_of(directory)
    record_key_path(directory).chmod(0o644)
    with pytest.raises(ConfigurationError):
        ready_record_key(directory, path)


@pytest.mark.parametrize(
    "damage",
    ["UPDATE bodies SET sealed = zeroblob(90) WHERE place = 1", "DELETE FROM bodies WHERE place = 1"],
)
def test_an_altered_body_is_found_without_any_key(path, damage):
    with open_sealing(path) as store:
        put(store, *(record(name, P7) for name in "ABC"))
    _execute(path, damage)
    report = verify_log(path, keys_of(path.parent).policy)
    assert [(fault.what, fault.index, fault.record_id) for fault in report.faults] == [(Flaw.ALTERED_COLUMN, 1, "B")]


def _execute(path, statement):
    with sqlite3.connect(path) as database:
        database.execute(statement)
    database.close()


def test_what_is_due_is_told_for_everybody(path, store):
    put(store, record("A", P7), record("B", {"party": "P-8"}, at=NOON + timedelta(days=400)))
    with reading(path) as reader:
        assert reader.subjects() == ("organization:acme", "party:P-7", "party:P-8")
        dues = {subject: reader.due(subject, OVER) for subject in reader.subjects()}
    assert {subject: due.is_over for subject, due in dues.items()} == {
        "organization:acme": True,
        "party:P-7": True,
        "party:P-8": False,
    }
    assert (dues["party:P-7"].until, dues["party:P-7"].citation) == (OVER, "15 CFR 762.6(a)")
