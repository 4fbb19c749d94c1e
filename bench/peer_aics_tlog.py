"""The peer's side of `make peers`: what aics-tlog makes of a log, as JSON. Runs in the peers' environment.

Read from standard input: a directory of tiles, the log's Ed25519 key, places and
sizes to prove, and a witness's key with the note it cosigned.
"""

import json
import sys
from pathlib import Path
from typing import Any

import aics_tlog as peer
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def main() -> None:
    """Answer one job."""
    job = json.load(sys.stdin)
    directory = Path(job["directory"])
    reader = peer.FileSystemTileReader(directory)
    note = peer.parse_note((directory / "checkpoint").read_bytes())
    checkpoint = peer.parse_checkpoint(note.text)
    size = checkpoint.size
    answer: dict[str, Any] = {
        "origin": checkpoint.origin,
        "size": size,
        "root": checkpoint.root.hex(),
        "signed": peer.verify_checkpoint(note, peer.parse_vkey(job["key"])).ok,
        "root_from_tiles": peer.tree_root_from_tiles(reader, size).hex() if size else peer.EMPTY_HASH.hex(),
        "audited": peer.audit_tiles(reader, size, checkpoint.root).bundles,
        "inclusion": {
            str(n): [one.hex() for one in peer.inclusion_proof_from_tiles(reader, n, size)] for n in job["places"]
        },
        "consistency": {
            str(n): [one.hex() for one in peer.consistency_proof_from_tiles(reader, n, size)] for n in job["sizes"]
        },
        "leaves": {str(n): peer.leaf_hash(peer.read_entry(reader, n, size)).hex() for n in job["places"]},
        **_cosigned(checkpoint),
    }
    if job.get("cosigned"):
        told = peer.verify_checkpoint(
            peer.parse_note(job["cosigned"]), peer.parse_vkey(job["key"]), [peer.parse_vkey(job["witness"])], 1
        )
        answer["counted"] = told.cosignature_count if told.ok else told.error
    sys.stdout.write(json.dumps(answer))


def _cosigned(checkpoint: Any) -> dict[str, str]:
    """A checkpoint of the same tree that the peer signs as a log of its own, and cosigns as a witness."""
    log, witness = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
    name, cosigner = checkpoint.origin, "witness.example/peer"
    note = peer.sign_checkpoint(checkpoint, log, name)
    _, line = peer.sign_cosignature(witness, cosigner, 1_800_000_000, name, checkpoint.size, checkpoint.root)
    signed = peer.Note(note.text, (*note.signatures, line)).serialise()
    return {
        "note": signed,
        "log_key": peer.format_vkey(peer.vkey_from_ed25519(name, log.public_key())),
        "witness_key": peer.format_vkey(peer.cosignature_vkey(cosigner, witness.public_key())),
    }


if __name__ == "__main__":
    main()
