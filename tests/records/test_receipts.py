"""A receipt verifies offline under a trust file, and every flipped byte of it is refused."""

import subprocess
import sys
from pathlib import Path

import pytest

from licet import receipts
from licet.receipts import COSIGNATURE, ED25519, MLDSA44, Policy, ReceiptError, verify_receipt
from licet.records.tlog import (
    Checkpoint,
    Frontier,
    SigningKey,
    inclusion_proof,
    leaf_hash,
    nodes_from,
    spell_key,
    spell_note,
    spell_receipt,
)

ORIGIN = "log.example/one"
LOG = [SigningKey.make(ORIGIN, kind, bytes([kind]) * 32) for kind in (ED25519, MLDSA44)]
WITNESSES = [
    SigningKey.make(f"witness.example/{n}", MLDSA44 if n == 3 else COSIGNATURE, bytes([100 + n]) * 32)
    for n in (1, 2, 3)
]
ENTRIES = [f'{{"n":{n}}}'.encode() for n in range(5)]


def policy(*lines, logs=LOG):
    text = "".join(f"log {spell_key(key.verifier)} https://log.example\n" for key in logs)
    text += "".join(f"witness w{n} {spell_key(key.verifier)}\n" for n, key in enumerate(WITNESSES, 1))
    return Policy.parse((text + "\n".join(lines) + "\n").encode())


def receipt(signers, index=3, entries=ENTRIES):
    tree = Frontier()
    for entry in entries:
        tree.append(leaf_hash(entry))
    tiles = {(name.level, name.number): content for name, content in tree.changed_since(0)}
    proof = inclusion_proof(nodes_from(lambda *place: tiles[place]), index, tree.size)
    checkpoint = Checkpoint(ORIGIN, tree.size, tree.root())
    note = spell_note(checkpoint.text, [key.sign(checkpoint, 1_781_000_000) for key in signers])
    return spell_receipt(entries[index], index, proof, note).encode()


TWO_OF_THREE = ("group g 2 w1 w2 w3", "quorum g")


@pytest.mark.parametrize(
    ("signers", "lines", "is_verified"),
    [
        (LOG, ["quorum none"], True),
        (LOG[:1], ["quorum none"], True),
        (LOG[1:], ["quorum none"], True),
        (WITNESSES, ["quorum none"], False),
        (LOG, TWO_OF_THREE, False),
        (LOG + WITNESSES[:1], TWO_OF_THREE, False),
        (LOG + WITNESSES[:1] * 2, TWO_OF_THREE, False),
        (LOG + WITNESSES[:2], TWO_OF_THREE, True),
        (LOG + WITNESSES[1:], TWO_OF_THREE, True),
        (LOG + WITNESSES, TWO_OF_THREE, True),
        (LOG + WITNESSES[:2], ["quorum w3"], False),
        (LOG + WITNESSES[2:], ["quorum w3"], True),
        (LOG + WITNESSES[:1], ["group a any w1 w2", "group b all a w3", "quorum b"], False),
        (LOG + WITNESSES[1:], ["group a any w1 w2", "group b all a w3", "quorum b"], True),
    ],
)
def test_a_quorum_is_met_or_it_is_not(signers, lines, is_verified):
    if not is_verified:
        with pytest.raises(ReceiptError):
            verify_receipt(receipt(signers), policy(*lines))
    else:
        shown = verify_receipt(receipt(signers), policy(*lines))
        assert (shown.entry, shown.index, shown.endorsed.checkpoint.size) == (ENTRIES[3], 3, 5)


@pytest.mark.parametrize("lines", [TWO_OF_THREE, ["quorum none"]])
def test_every_flipped_byte_is_refused(lines):
    """Also in what no key of the trust file covers: the digest in the extra data finds it."""
    whole, trusted = receipt([LOG[0], *WITNESSES[:2]]), policy(*lines, logs=LOG[:1])
    verify_receipt(whole, trusted)
    for place in range(len(whole)):
        for mask in (0x01, 0x20, 0x80):
            flipped = bytearray(whole)
            flipped[place] ^= mask
            with pytest.raises(ReceiptError) as caught:
                verify_receipt(bytes(flipped), trusted)
            assert str(caught.value)


@pytest.mark.parametrize("cut", [0, 1, 30, 100, -1, -2, -50])
def test_a_receipt_cut_short_or_drawn_out_is_refused(cut):
    whole, trusted = receipt(LOG + WITNESSES), policy("quorum none")
    for wrong in (whole[:cut], whole + whole[-20:], whole + b"\n", b"\n" + whole):
        with pytest.raises(ReceiptError):
            verify_receipt(wrong, trusted)


def test_a_receipt_of_another_maker_needs_the_entry():
    content = receipt(LOG).decode()
    plain = "\n".join(line for line in content.split("\n") if not line.startswith("extra ")).encode()
    trusted = policy("quorum none")
    assert verify_receipt(plain, trusted, ENTRIES[3]).index == 3
    for entry in (None, ENTRIES[2]):
        with pytest.raises(ReceiptError):
            verify_receipt(plain, trusted, entry)
    with pytest.raises(ReceiptError):
        verify_receipt(content.encode(), trusted, ENTRIES[2])


def test_signatures_of_keys_that_nobody_named_are_passed_over():
    other = SigningKey.make(ORIGIN, ED25519, b"o" * 32)
    assert verify_receipt(receipt([other, *LOG[:1]]), policy("quorum none", logs=LOG[:1])).index == 3
    with pytest.raises(ReceiptError):
        verify_receipt(receipt([other]), policy("quorum none"))


def test_a_key_of_another_name_is_not_the_logs():
    impostor = SigningKey.make("log.example/two", ED25519, b"i" * 32)
    with pytest.raises(ReceiptError):
        verify_receipt(receipt([impostor]), policy("quorum none", logs=[impostor]))


KEY = spell_key(LOG[0].verifier)
W1, W2 = (spell_key(key.verifier) for key in WITNESSES[:2])


@pytest.mark.parametrize(
    "text",
    [
        f"# a comment\n\t log\t{KEY}  https://x \n\nquorum none\n",
        f"witness w {W1}\nquorum w",
        f"witness w {W1}\nwitness v {W2}\ngroup g 2 w v\nquorum g\nlog {KEY}\n",
        "quorum none\n",
        f"witness w\udce9 {W1}\nquorum w\udce9\n",
    ],
)
def test_what_a_trust_file_may_say(text):
    assert Policy.parse(text.encode(errors="surrogateescape")).quorum


@pytest.mark.parametrize(
    "text",
    [
        "",
        "quorum\n",
        "quorum x\n",
        "quorum none\nquorum none\n",
        "log\nquorum none\n",
        f"log {KEY} https://x y\nquorum none\n",
        f"log {KEY}\nlog {KEY}\nquorum none\n",
        f"log {W1}\nquorum none\n",
        f"witness w {KEY}\nquorum none\n",
        f"witness none {W1}\nquorum none\n",
        f"witness w {W1}\nwitness v {W1}\nquorum none\n",
        f"witness w {W1}\nwitness w {W2}\nquorum none\n",
        f"quorum w\nwitness w {W1}\n",
        f"witness w {W1}\ngroup g 0 w\nquorum g\n",
        f"witness w {W1}\ngroup g 2 w\nquorum g\n",
        f"witness w {W1}\ngroup g 01 w\nquorum g\n",
        f"witness w {W1}\ngroup g any\nquorum g\n",
        f"witness w {W1}\ngroup g any none\nquorum g\n",
        f"witness w {W1}\ngroup g any w w\nquorum g\n",
        f"witness w {W1}\ngroup g any w\ngroup h any w\nquorum h\n",
        f"witness w {W1}\ngroup w any w\nquorum w\n",
        "group g any g\nquorum g\n",
        "peer x\nquorum none\n",
        "quorum none\r\n",
        "quorum none\x00\n",
        f"log {KEY[:-4]}\nquorum none\n",
        f"log {KEY.replace('+', '-')}\nquorum none\n",
        f"log {KEY.replace(ORIGIN, 'log.example/too')}\nquorum none\n",
        "log a\udcff+00000000+AQ==\nquorum none\n",
    ],
)
def test_what_a_trust_file_must_not_say(text):
    with pytest.raises(ReceiptError) as caught:
        Policy.parse(text.encode(errors="surrogateescape"))
    assert caught.value.code == "malformed"


def test_the_module_runs_alone_and_imports_nothing_of_ours(tmp_path):
    """As an outsider has it: the one file, beside nothing else."""
    alone = tmp_path / "receipts.py"
    alone.write_text(Path(receipts.__file__).read_text())
    assert len(alone.read_text().splitlines()) < 400
    (tmp_path / "r").write_bytes(receipt(LOG + WITNESSES))
    lines = [f"log {spell_key(key.verifier)}" for key in LOG]
    (tmp_path / "p").write_text("\n".join([*lines, f"witness w1 {W1}", "quorum w1", ""]))
    (tmp_path / "licet.py").write_text("raise ImportError('nothing of licet is needed')")
    command = [sys.executable, str(alone), str(tmp_path / "r"), "--policy", str(tmp_path / "p")]
    ran = subprocess.run([*command, "--json"], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, '"verified": true' in ran.stdout) == (0, True), ran.stderr
    (tmp_path / "r").write_bytes(receipt(LOG))
    ran = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (ran.returncode, "quorum" in ran.stdout) == (1, True)
    ran = subprocess.run(
        [*command[:2], "none", *command[3:]], capture_output=True, text=True, cwd=tmp_path, check=False
    )
    assert ran.returncode == 2
