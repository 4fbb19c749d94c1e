"""Another implementation of the same formats agrees with ours, in an environment of its own (`make peers`)."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from licet.logwriter import database_path, export_tiles, open_reader
from licet.receipts import COSIGNATURE, ED25519, verify_checkpoint
from licet.records.tlog import (
    SigningKey,
    TileName,
    consistency_proof,
    inclusion_proof,
    nodes_from,
    read_checkpoint,
    read_policy,
    spell_key,
    spell_signature,
)
from log_samples import keys_of, open_sealing, record

pytestmark = pytest.mark.peers
ROOT = Path(__file__).parents[2]
PYTHON = os.environ.get("LICET_PEERS", str(ROOT / ".venv-peers" / "bin" / "python"))
WITNESS = SigningKey.make("witness.example/ours", COSIGNATURE, b"w" * 32)


def ask_peer(job):
    ran = subprocess.run(
        [PYTHON, ROOT / "bench" / "peer_aics_tlog.py"],
        input=json.dumps(job),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


@pytest.mark.parametrize("count", [1, 2, 3, 7, 255, 256, 257, 513, 700])
def test_both_agree_on_checkpoints_and_proofs(tmp_path, count):
    log, tiles = database_path(tmp_path), tmp_path / "tiles"
    with open_sealing(log) as store:
        store.append_batch([record(f"R{n}", {"party": f"P-{n}"}).to_bytes() for n in range(count)])
    export_tiles(log, tiles)
    (key,) = [one.verifier for one in keys_of(tmp_path).keys if one.kind == ED25519]
    places = sorted({0, 1, count // 2, 254, 255, 256, count - 1} & set(range(count)))
    sizes = sorted({1, 2, count // 2, 255, 256, 257, count} & set(range(1, count + 1)))
    with open_reader(log) as reader:
        note = reader.checkpoint()
        nodes = nodes_from(lambda level, number: reader.tile(TileName(level, number)))
        checkpoint = read_checkpoint(note)
        ours = {
            "inclusion": {str(n): [one.hex() for one in inclusion_proof(nodes, n, count)] for n in places},
            "consistency": {str(n): [one.hex() for one in consistency_proof(nodes, n, count)] for n in sizes},
            "leaves": {str(row.index): row.hash.hex() for row in reader.entries() if row.index in places},
        }
    cosigned = note + spell_signature(WITNESS.sign(checkpoint, 1_800_000_000))
    job = {"directory": str(tiles), "key": spell_key(key), "places": places, "sizes": sizes}
    told = ask_peer({**job, "cosigned": cosigned, "witness": spell_key(WITNESS.verifier)})
    assert (told["origin"], told["size"], told["root"]) == (checkpoint.origin, count, checkpoint.root.hex())
    assert (told["signed"], told["root_from_tiles"], told["counted"]) == (True, checkpoint.root.hex(), 1)
    assert told["audited"] == (count + 255) // 256
    assert {name: told[name] for name in ours} == ours
    trusted = f"log {told['log_key']}\nwitness peer {told['witness_key']}\nquorum peer\n"
    endorsed = verify_checkpoint(told["note"], read_policy(trusted.encode()))
    assert (endorsed.checkpoint, dict(endorsed.cosigned)) == (checkpoint, {"peer": 1_800_000_000})
