"""A witness signs that a log only grew: what it refuses, what survives a crash, and what a fork meets."""

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import replace

import pytest

from instance_for_tests import call, configure, serving, single_person
from licet.errors import ConfigurationError, ConflictError, InputError, NotFoundError, TrustError
from licet.logwriter import database_path, open_reader, policy_path, read_log_keys
from licet.receipts import COSIGNATURE, ReceiptError, verify_checkpoint, verify_receipt
from licet.records.tlog import (
    SIZE_TYPE,
    AddCheckpoint,
    Checkpoint,
    Frontier,
    SigningKey,
    consistency_proof,
    leaf_hash,
    nodes_from,
    parse_cosignatures,
    read_checkpoint,
    read_policy,
    sign_checkpoint,
    spell_key,
    spell_policy,
)
from licet.records.tlog.cosigning import OtherSizeError, Seen, growth
from licet.witness import Ledger, create_witness, read_witness
from places_for_tests import short_directory
from standin_for_tests import eventually

ORIGIN = "log.example/one"
KEY = SigningKey.make(ORIGIN, 1, b"k" * 32)
OTHER = SigningKey.make(ORIGIN, 1, b"o" * 32)
LOGS = {ORIGIN: read_policy(spell_policy([KEY.verifier]).encode())}
ENTRIES = [f"entry {n}".encode() for n in range(9)]
FORKED = [*ENTRIES[:2], b"another", *ENTRIES[3:]]


def tree(entries):
    """The checkpoint over entries, and their hashes."""
    frontier = Frontier()
    for entry in entries:
        frontier.append(leaf_hash(entry))
    hashes = b"".join(map(leaf_hash, entries))
    return Checkpoint(ORIGIN, frontier.size, frontier.root()), nodes_from(lambda _level, _number: hashes)


def request(old, entries, *, key=KEY, proof=None):
    checkpoint, nodes = tree(entries)
    shown = consistency_proof(nodes, min(old, len(entries)), len(entries)) if proof is None else proof
    return AddCheckpoint(old, shown, sign_checkpoint(checkpoint, [key], 0))


def seen(entries):
    checkpoint, _ = tree(entries)
    return Seen(checkpoint.size, checkpoint.root)


@pytest.mark.parametrize(
    ("asked", "known", "outcome"),
    [
        (request(0, ENTRIES[:3]), Seen(), None),
        (request(0, ENTRIES[:0]), Seen(), None),
        (request(3, ENTRIES), seen(ENTRIES[:3]), None),
        (request(3, ENTRIES[:3]), seen(ENTRIES[:3]), None),
        (request(0, ENTRIES), seen(ENTRIES[:3]), (OtherSizeError, 3)),
        (request(4, ENTRIES), seen(ENTRIES[:3]), (OtherSizeError, 3)),
        (request(2, ENTRIES[:2]), seen(ENTRIES[:3]), (OtherSizeError, 3)),
        (request(3, FORKED[:3]), seen(ENTRIES[:3]), (OtherSizeError, 3)),
        (request(3, FORKED), seen(ENTRIES[:3]), (TrustError, "inconsistent")),
        (request(3, ENTRIES, proof=()), seen(ENTRIES[:3]), (TrustError, "inconsistent")),
        (request(3, ENTRIES[:3], proof=(b"x" * 32,)), seen(ENTRIES[:3]), (TrustError, "inconsistent")),
        (request(3, ENTRIES, key=OTHER), seen(ENTRIES[:3]), (TrustError, "unsigned")),
        (
            replace(request(0, ENTRIES), note=request(0, ENTRIES).note.replace(ORIGIN, "x")),
            Seen(),
            (NotFoundError, "unknown_log"),
        ),
    ],
)
def test_what_a_witness_signs(asked, known, outcome):
    if outcome is None:
        assert growth(asked, LOGS, known) == asked.checkpoint
        return
    with pytest.raises(outcome[0]) as caught:
        growth(asked, LOGS, known)
    assert outcome[1] in (caught.value.code, getattr(caught.value, "size", None))


def test_what_was_signed_is_remembered_and_not_written_over(tmp_path):
    first, _ = tree(ENTRIES[:3])
    with Ledger(tmp_path / "w.db") as ledger, Ledger(tmp_path / "w.db") as other:
        assert ledger.seen(ORIGIN) == Seen()
        ledger.advance(first, Seen())
        with pytest.raises(OtherSizeError):
            other.advance(tree(FORKED[:3])[0], Seen())
    with Ledger(tmp_path / "w.db") as ledger:
        assert ledger.seen(ORIGIN) == seen(ENTRIES[:3])
        assert ledger.seen("another") == Seen()


def test_a_witness_of_its_own(tmp_path):
    key = create_witness(tmp_path / "w", "witness.example/one")
    found, logs = read_witness(tmp_path / "w")
    assert (found.verifier, dict(logs)) == (key.verifier, {})
    assert (tmp_path / "w" / "witness.key").stat().st_mode & 0o077 == 0
    with pytest.raises(ConflictError):
        create_witness(tmp_path / "w", "witness.example/one")
    with pytest.raises(InputError):
        create_witness(tmp_path / "v", "a name+")
    (tmp_path / "w" / "logs" / "bad.policy").write_text("nonsense")
    with pytest.raises(ConfigurationError):
        read_witness(tmp_path / "w")
    (tmp_path / "w" / "witness.key").chmod(0o640)
    with pytest.raises(ConfigurationError):
        read_witness(tmp_path / "w")
    with pytest.raises(ConfigurationError):
        read_witness(tmp_path / "none")


@contextmanager
def witness(directory, port=0):
    command = [
        sys.executable,
        "-m",
        "licet",
        "witness",
        "serve",
        str(directory),
        "--listen",
        f"127.0.0.1:{port}",
        "--json",
    ]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield json.loads(process.stdout.readline())["url"]
    finally:
        process.terminate()
        assert process.wait(10) == 0
        process.stdout.close()


@pytest.fixture
def served(tmp_path):
    key = create_witness(tmp_path / "w", "witness.example/one")
    (tmp_path / "w" / "logs" / "one.policy").write_text(spell_policy([KEY.verifier]))
    return tmp_path / "w", key.verifier


def test_every_status_over_http(served):
    directory, key = served

    def add(asked):
        return call(f"{url}/add-checkpoint", asked if isinstance(asked, bytes) else asked.to_bytes())

    with witness(directory) as url:
        good = add(request(0, ENTRIES[:3]))
        assert good.status == 200
        (signature,) = parse_cosignatures(good.body)
        assert key.verify(signature.value, tree(ENTRIES[:3])[0]) > 1_700_000_000
        assert add(request(3, FORKED)).status == 422
        stranger = request(3, ENTRIES)
        assert add(replace(stranger, note=stranger.note.replace(ORIGIN, "log.example/two"))).status == 404
        assert add(request(3, ENTRIES, key=OTHER)).status == 403
        assert add(b"nonsense").status == 400
        assert add(b"x" * 70_000).status == 413
        assert call(f"{url}/add-checkpoint").status == 405
    with witness(directory) as url:
        conflict = add(request(0, ENTRIES))
        assert (conflict.status, conflict.body, conflict.headers["content-type"]) == (409, b"3\n", SIZE_TYPE)
        assert add(request(3, ENTRIES)).status == 200


def test_a_rewritten_history_is_refused_by_the_witness_and_by_the_verifier():
    """The owner has the file and the keys, and still cannot show another past."""
    with short_directory() as directory:
        home, gate = directory / "w", directory / "gate"
        single_person(gate)
        configure(gate, "http://127.0.0.1:9")
        key = create_witness(home, "witness.example/one")
        bare = policy_path(gate).read_text()
        (home / "logs" / "gate.policy").write_text(bare)
        policy_path(gate).write_text(
            bare.replace("quorum none\n", f"witness w1 {spell_key(key.verifier)}\nquorum w1\n")
        )
        trusted = read_policy(policy_path(gate).read_bytes())
        with witness(home) as url:
            line = f'[log]\nwitnesses = ["{spell_key(key.verifier)} {url}"]\n'
            (gate / "licet.toml").write_text(line + (gate / "licet.toml").read_text())
            with serving(gate) as instance:
                done = instance.act("/parties", {"id": "P-1"})["record"]
                with open_reader(database_path(gate)) as reader:

                    def is_witnessed():
                        note = reader.witnessed()
                        return note is not None and read_checkpoint(note).size == read_checkpoint(reader.newest()).size

                    eventually(is_witnessed)
                    shown = verify_receipt(reader.receipt(done).encode(), trusted)
                    assert set(shown.endorsed.cosigned) == {"w1"}
                ran = subprocess.run(
                    [sys.executable, "-m", "licet", "log", "verify", "--dir", str(gate)],
                    capture_output=True,
                    text=True,
                    check=False,
                )
                assert (ran.returncode, "the log is whole" in ran.stdout) == (0, True), ran.stderr
            # The fork: the same keys sign other entries.
            size = shown.endorsed.checkpoint.size
            keys, frontier = read_log_keys(gate), Frontier()
            hashes = [leaf_hash(b"rewritten %d" % n) for n in range(size + 1)]
            for each in hashes:
                frontier.append(each)
            forked = Checkpoint(keys.origin, frontier.size, frontier.root())
            nodes = nodes_from(lambda _level, _number: b"".join(hashes))
            note = keys.sign(forked, 1_800_000_000)
            proof = consistency_proof(nodes, size, size + 1)
            assert call(f"{url}/add-checkpoint", AddCheckpoint(size, proof, note).to_bytes()).status == 422
            assert call(f"{url}/add-checkpoint", AddCheckpoint(0, (), note).to_bytes()).status == 409
        verify_checkpoint(note, read_policy(bare.encode()))
        with pytest.raises(ReceiptError):
            verify_checkpoint(note, trusted)


@pytest.mark.parametrize(
    "line",
    [
        'witnesses = "x"',
        "witnesses = [7]",
        'witnesses = ["KEY http://witness.example"]',
        'witnesses = ["KEY https://user@witness.example"]',
        'witnesses = ["KEY ftp://127.0.0.1"]',
        'witnesses = ["KEY"]',
        'witnesses = ["nonsense https://witness.example"]',
        'witnesses = ["LOG https://witness.example"]',
        'witnesses = ["KEY https://a.example", "KEY https://b.example"]',
    ],
)
def test_a_witness_that_may_not_be_asked_stops_the_start(tmp_path, line):
    from licet.app import read_config

    single_person(tmp_path / "gate")
    path = tmp_path / "gate" / "licet.toml"
    key = spell_key(SigningKey.make("witness.example/one", COSIGNATURE, b"w" * 32).verifier)
    before = path.read_text()
    path.write_text(f"[log]\n{line.replace('KEY', key).replace('LOG', spell_key(KEY.verifier))}\n{before}")
    with pytest.raises(ConfigurationError) as caught:
        read_config(path)
    assert "log.witnesses" in str(caught.value)
    path.write_text(f'[log]\nwitnesses = ["{key} http://127.0.0.1:1/w/"]\n{before}')
    (one,) = read_config(path).witnesses
    assert one.url == "http://127.0.0.1:1/w"
