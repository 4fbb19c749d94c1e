"""The tree, its tiles and what is signed over it, against published vectors, golden values and a slow reference."""

import base64
import hashlib
import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licet.errors import InputError, TrustError
from licet.receipts import COSIGNATURE, ED25519, MLDSA44, ReceiptError, VerifierKey, parse_note
from licet.records.tlog import (
    EMPTY_ROOT,
    ENTRIES,
    HASH_BYTES,
    AddCheckpoint,
    Checkpoint,
    Frontier,
    SigningKey,
    TileName,
    consistency_proof,
    decode_bundle,
    encode_bundle,
    inclusion_proof,
    leaf_hash,
    nodes_from,
    parse_cosignatures,
    parse_size,
    root_hash,
    sign_checkpoint,
    spell_cosignatures,
    spell_key,
    spell_size,
    tiles_of,
    verify_consistency,
    verify_inclusion,
)

VECTORS = os.environ.get("LICET_VECTORS")

# The eight leaves and their roots that implementations of Certificate Transparency have shared since 2013.
LEAVES = ("", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f")
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)
INDEX_OF_8 = {
    0: (
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ),
    5: (
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ),
}


def slow_root(leaves):
    """RFC 6962 section 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return hashlib.sha256(b"\x01" + slow_root(leaves[:split]) + slow_root(leaves[split:])).digest()


def grown(leaves):
    """A tree and the tiles it has made."""
    tree, tiles = Frontier(), {}
    for leaf in leaves:
        tree.append(leaf)
    for name, content in tree.changed_since(0):
        tiles[name.level, name.number] = content
    return tree, lambda level, number: tiles.get((level, number), b"")


def some(count):
    return [leaf_hash(b"%d" % n) for n in range(count)]


def cases(name):
    return json.loads((Path(VECTORS) / "merkle" / f"{name}.json").read_text())


def decoded(text):
    return base64.b64decode(text) if text else b""


@pytest.mark.skipif(not VECTORS, reason="LICET_VECTORS names no folder of vectors")
def test_every_published_inclusion_case():
    seen = cases("inclusion")
    assert len(seen) == 98
    for case in seen:
        proof = [decoded(each) for each in case["proof"] or []]
        arguments = (decoded(case["leafHash"]), case["leafIdx"], case["treeSize"], proof, decoded(case["root"]))
        assert refuses(verify_inclusion, *arguments) == case["wantErr"], case["desc"]


@pytest.mark.skipif(not VECTORS, reason="LICET_VECTORS names no folder of vectors")
def test_every_published_consistency_case():
    seen = cases("consistency")
    assert len(seen) == 98
    for case in seen:
        proof = [decoded(each) for each in case["proof"] or []]
        arguments = (case["size1"], case["size2"], proof, decoded(case["root1"]), decoded(case["root2"]))
        assert refuses(verify_consistency, *arguments) == case["wantErr"], case["desc"]


def refuses(verify, *arguments):
    try:
        verify(*arguments)
    except TrustError:
        return True
    return False


@pytest.mark.parametrize("size", range(9))
def test_golden_roots(size):
    tree, _ = grown([leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES[:size]])
    assert tree.root().hex() == ROOTS[size]


@pytest.mark.parametrize(("index", "path"), INDEX_OF_8.items())
def test_golden_paths(index, path):
    _, tiles = grown([leaf_hash(bytes.fromhex(leaf)) for leaf in LEAVES])
    assert [each.hex() for each in inclusion_proof(nodes_from(tiles), index, 8)] == list(path)


@given(st.integers(1, 700), st.data())
def test_a_proof_from_tiles_leads_to_the_slow_root(size, data):
    leaves = some(size)
    tree, tiles = grown(leaves)
    nodes = nodes_from(tiles)
    assert tree.root() == slow_root(leaves) == root_hash(nodes, size)
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    proof = inclusion_proof(nodes, index, size)
    verify_inclusion(leaves[index], index, size, proof, tree.root())
    verify_consistency(old, size, consistency_proof(nodes, old, size), slow_root(leaves[:old]), tree.root())
    for wrong in ({index - 1, index + 1, size} & set(range(size))) - {index}:
        assert refuses(verify_inclusion, leaves[wrong], index, size, proof, tree.root())


@given(st.integers(2, 300), st.data())
def test_no_proof_survives_a_flipped_bit(size, data):
    _, tiles = grown(some(size))
    nodes = nodes_from(tiles)
    old = data.draw(st.integers(1, size - 1))
    proof = list(consistency_proof(nodes, old, size))
    place = data.draw(st.integers(0, len(proof) - 1))
    flipped = bytearray(proof[place])
    flipped[data.draw(st.integers(0, 31))] ^= 1 << data.draw(st.integers(0, 7))
    altered = [*proof[:place], bytes(flipped), *proof[place + 1 :]]
    for wrong in (altered, proof[:-1], [*proof, proof[-1]]):
        assert refuses(verify_consistency, old, size, wrong, root_hash(nodes, old), root_hash(nodes, size))


@given(st.lists(st.integers(1, 300), max_size=5))
def test_a_tree_goes_on_from_its_tiles_as_if_it_had_never_stopped(steps):
    leaves, kept, at_once = some(sum(steps)), {}, Frontier()
    size = 0
    for step in steps:
        tree = Frontier.load(size, lambda level, number: kept.get((level, number), b""))
        for leaf in leaves[size : size + step]:
            tree.append(leaf)
        kept.update({(name.level, name.number): content for name, content in tree.changed_since(size)})
        size += step
    for leaf in leaves:
        at_once.append(leaf)
    assert Frontier.load(size, lambda level, number: kept.get((level, number), b"")).root() == at_once.root()
    assert {(x.level, x.number): x.width * HASH_BYTES for x in tiles_of(size) if x.level != ENTRIES} == {
        place: len(content) for place, content in kept.items()
    }


@pytest.mark.parametrize(
    ("size", "expected"),
    [
        (0, []),
        (1, ["tile/entries/000.p/1", "tile/0/000.p/1"]),
        (255, ["tile/entries/000.p/255", "tile/0/000.p/255"]),
        (256, ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]),
        (257, ["tile/entries/000", "tile/entries/001.p/1", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1"]),
    ],
)
def test_the_tiles_of_a_tree(size, expected):
    assert [name.path for name in tiles_of(size)] == expected


def test_the_tiles_of_seventy_thousand():
    """The example of C2SP tlog-tiles."""
    names = [name for name in tiles_of(70_000) if name.level != ENTRIES]
    assert [sum(x.level == level and x.width == 256 for x in names) for level in range(3)] == [273, 1, 0]
    assert [x.path for x in names if x.width < 256] == ["tile/0/273.p/112", "tile/1/001.p/17", "tile/2/000.p/1"]


@pytest.mark.parametrize(
    ("name", "path"),
    [
        (TileName(0, 0), "tile/0/000"),
        (TileName(63, 999, 255), "tile/63/999.p/255"),
        (TileName(1, 1000), "tile/1/x001/000"),
        (TileName(ENTRIES, 1_234_067), "tile/entries/x001/x234/067"),
        (TileName(0, 1_000_000, 1), "tile/0/x001/x000/000.p/1"),
    ],
)
def test_a_tile_has_one_path(name, path):
    assert (name.path, TileName.parse(path)) == (path, name)


@pytest.mark.parametrize(
    "path",
    [
        "tile/64/000",
        "tile/00/000",
        "tile/0/00",
        "tile/0/000.p/0",
        "tile/0/000.p/256",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/000.p/01",
        "tile/-1/000",
        "tile/0/000/",
        "/tile/0/000",
        "tile/data/000",
        "tile/0/\u0660\u0660\u0660",
    ],
)
def test_what_is_no_path_of_a_tile(path):
    with pytest.raises(InputError):
        TileName.parse(path)


@given(st.lists(st.binary(max_size=300)))
def test_a_bundle_gives_its_entries_back(entries):
    assert decode_bundle(encode_bundle(entries)) == tuple(entries)


def test_the_bounds_of_a_bundle():
    assert encode_bundle([b"ab", b""]) == b"\0\2ab\0\0"
    assert len(encode_bundle([bytes(65_535)])) == 65_537
    with pytest.raises(InputError):
        encode_bundle([bytes(65_536)])
    for cut in (b"\0", b"\0\2a", b"\0\1a\0"):
        with pytest.raises(InputError):
            decode_bundle(cut)


CHECKPOINT = Checkpoint("example.com/log", 3, bytes(range(32)))
KEYS = {kind: SigningKey.make("example.com/log", kind, bytes([kind]) * 32) for kind in (ED25519, COSIGNATURE, MLDSA44)}


@pytest.mark.parametrize("kind", KEYS)
def test_a_signature_verifies_and_none_of_its_bits_may_change(kind):
    key = KEYS[kind]
    signature = key.sign(CHECKPOINT, 1_679_315_147)
    time = None if kind == ED25519 else 1_679_315_147
    assert key.verifier.verify(signature.value, CHECKPOINT) == time
    for place in {0, 7, 8, len(signature.value) // 2, len(signature.value) - 1}:
        flipped = bytearray(signature.value)
        flipped[place] ^= 1
        for wrong in (bytes(flipped), signature.value[:-1], signature.value + b"\0"):
            with pytest.raises(ReceiptError):
                key.verifier.verify(wrong, CHECKPOINT)
    for other in (Checkpoint("example.com/lag", 3, CHECKPOINT.root), Checkpoint("example.com/log", 4, CHECKPOINT.root)):
        with pytest.raises(ReceiptError):
            key.verifier.verify(signature.value, other)


def test_what_each_kind_signs():
    """Worked out by hand from the texts of signed-note and tlog-cosignature."""
    from licet.receipts import signed_message

    body = b"example.com/log\n3\nAAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
    message = {kind: signed_message(key.verifier, CHECKPOINT, 258) for kind, key in KEYS.items()}
    assert message[ED25519] == body
    assert message[COSIGNATURE] == b"cosignature/v1\ntime 258\n" + body
    name = b"\x0fexample.com/log"
    numbers = bytes(8) + b"\0\0\0\0\0\0\0\x03"
    assert message[MLDSA44] == b"subtree/v1\n\0" + name + b"\0\0\0\0\0\0\x01\x02" + name + numbers + bytes(range(32))


def test_a_published_verifier_key():
    """From the documentation of golang.org/x/mod/sumdb/note."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    key = VerifierKey.parse(text)
    assert (key.name, key.kind, spell_key(key)) == ("PeterNeumann", ED25519, text)


@pytest.mark.parametrize("kind", KEYS)
def test_a_key_is_read_back(kind):
    key = KEYS[kind]
    assert VerifierKey.parse(spell_key(key.verifier)) == key.verifier
    again = SigningKey.parse(key.spell_secret())
    assert again.verifier == key.verifier
    secret = key.spell_secret()
    for wrong in (
        secret[:-4],
        secret.replace("PRIVATE", "SECRET"),
        secret.replace("log+", "lag+"),
        "",
        "PRIVATE+KEY+a+b",
    ):
        with pytest.raises(InputError) as caught:
            SigningKey.parse(wrong)
        assert secret[-20:] not in str(caught.value)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb"])
def test_what_is_no_name_of_a_key(name):
    with pytest.raises(InputError):
        SigningKey.make(name, ED25519, bytes(32))


def test_a_request_for_a_cosignature_is_read_back():
    note = sign_checkpoint(CHECKPOINT, [KEYS[ED25519]], 0)
    request = AddCheckpoint(2, (bytes(32), bytes(range(32))), note)
    assert AddCheckpoint.from_bytes(request.to_bytes()) == request
    assert request.checkpoint == CHECKPOINT
    assert request.to_bytes().startswith(b"old 2\nAAAAAAAA")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"old 2\n",
        b"old 02\n\n",
        b"old -1\n\n",
        b"old 4\n\n",
        b"new 2\n\n",
        b"old 2\nAAAA\n\n",
        b"\xff",
        b"old 0\n" + base64.b64encode(bytes(32)) + b"\n\n",
        b"old 2\n" + 64 * (base64.b64encode(bytes(32)) + b"\n") + b"\n",
    ],
)
def test_what_is_no_request(body):
    note = sign_checkpoint(CHECKPOINT, [KEYS[ED25519]], 0).encode() if body.endswith(b"\n\n") else b""
    with pytest.raises(InputError):
        AddCheckpoint.from_bytes(body + note)


def test_answers_of_a_witness_are_read_back():
    signatures = (KEYS[COSIGNATURE].sign(CHECKPOINT, 7), KEYS[MLDSA44].sign(CHECKPOINT, 8))
    assert parse_cosignatures(spell_cosignatures(signatures)) == signatures
    assert parse_size(spell_size(41)) == 41
    for wrong in (b"", b"\xff", b"- a AAAAAAAA\n", spell_cosignatures(signatures)[:-1]):
        with pytest.raises(InputError):
            parse_cosignatures(wrong)
    for wrong in (b"", b"041\n", b"x"):
        with pytest.raises(InputError):
            parse_size(wrong)


@pytest.mark.parametrize(
    "text",
    [
        "a\n1\n",
        "a\n1\nAAAA\n",
        "a\n01\n{root}\n",
        "\n1\n{root}\n",
        "a\n1\n{root}",
        "a\n1\n{root}\n\nx\n",
        "a\n-1\n{root}\n",
    ],
)
def test_what_is_no_checkpoint(text):
    with pytest.raises(ReceiptError):
        Checkpoint.parse(text.replace("{root}", base64.b64encode(bytes(32)).decode()))


def test_a_checkpoint_with_extensions_is_read_back():
    checkpoint = Checkpoint("a", 0, EMPTY_ROOT, ("one", "two"))
    assert Checkpoint.parse(checkpoint.text) == checkpoint


@pytest.mark.parametrize(
    "note",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— a AAAAAAAA",
        "text\n\n- a AAAAAAAA\n",
        "te\rxt\n\n— a AAAAAAAA\n",
        "text\n\n— a AAAA\n",
        "text\n\n— a+b AAAAAAAA\n",
        "text\n\n" + "— a AAAAAAAA\n" * 65,
    ],
)
def test_what_is_no_signed_note(note):
    with pytest.raises(ReceiptError):
        parse_note(note)
