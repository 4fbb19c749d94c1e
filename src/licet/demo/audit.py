"""The last step: find each step's records, verify the log, and try to alter it."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from licet.demo.report import Check, expect, spell
from licet.demo.scene import APPROVER, PROPOSER
from licet.demo.stage import FABLE, MYTHOS, OLDER, Stage
from licet.demo.ways import APPLICANT, FREELANCER, MEMBER
from licet.logwriter import database_path, open_reader, read_log_keys, witnessed_path
from licet.receipts import ReceiptError, verify_checkpoint
from licet.records.tlog import (
    AddCheckpoint,
    Checkpoint,
    Frontier,
    consistency_proof,
    leaf_hash,
    node_hash,
    read_checkpoint,
    read_policy,
)
from licet.records.tlog.merkle import Nodes

_REFUSED = frozenset({409, 422})


@dataclass(frozen=True, slots=True)
class _Wanted:
    """Records that a step must have left: how to search for them, and what one of them says."""

    step: int
    search: tuple[str, ...]
    says: Mapping[str, Any]


def step_8(stage: Stage) -> Iterator[Check]:
    """Every step is on record, and no record changes quietly."""
    wanted = list(_wanted(stage))
    searches = list(dict.fromkeys(one.search for one in wanted))
    found = dict(zip(searches, stage.each(lambda search: _search(stage, search), searches), strict=True))
    for one in sorted(wanted, key=lambda one: one.step):
        number = sum(all(_member(row, name) == value for name, value in one.says.items()) for row in found[one.search])
        did = f"step {one.step}: licet record list {' '.join(one.search)}"
        yield Check(did, spell(one.says), f"{number} found", number > 0)
    report = stage.scene.licet("log", "verify")
    yield expect("licet log verify", [True, []], [report["whole"], report["faults"]])
    yield _show_a_receipt(stage)
    yield _decide_again(stage)
    yield from _rewrite_history(stage)
    yield from _alter_a_copy(stage, report["size"])


def _wanted(stage: Stage) -> Iterator[_Wanted]:
    administrative = ("--kind", "administrative")
    yield _Wanted(1, ("--party", "citizen", "--item", FABLE), {"outcome": "permit", "policy.epoch": 0})
    yield _Wanted(2, administrative, {"act": "stop", "items": [MYTHOS]})
    yield _Wanted(2, administrative, {"act": "pending.propose", "proposed": "resume", "by": PROPOSER})
    yield _Wanted(2, administrative, {"act": "resume", "items": [MYTHOS], "by": PROPOSER, "approved_by": APPROVER})
    yield _Wanted(3, administrative, {"act": "directive.activate", "directive": "BIS-2026-06-12"})
    yield _Wanted(4, ("--party", "foreign", "--item", FABLE), {"outcome": "license_required"})
    yield _Wanted(4, ("--party", "newcomer", "--item", FABLE), {"id": stage.decisions["needs_evidence"]})
    yield _Wanted(4, ("--kind", "evidence", "--party", "newcomer"), {"act": "evidence.accept"})
    yield _Wanted(4, ("--kind", "evidence", "--party", MEMBER), {"act": "evidence.accept", "issuer": "oidc:idp"})
    yield _Wanted(4, ("--kind", "evidence", "--party", FREELANCER), {"act": "evidence.accept", "by": "vendor:persona"})
    yield _Wanted(4, ("--kind", "evidence", "--party", APPLICANT), {"act": "review.accept", "approved_by": APPROVER})
    yield _Wanted(5, ("--party", "foreign", "--item", OLDER), {"act": "metadata", "items": [OLDER]})
    yield _Wanted(6, administrative, {"act": "license.grant", "license": "D-2026-001", "approved_by": APPROVER})
    yield _Wanted(6, ("--party", "foreign", "--item", FABLE), {"outcome": "permit", "licenses": ["D-2026-001"]})
    yield _Wanted(7, administrative, {"act": "directive.activate", "directive": "BIS-2026-06-26"})
    yield _Wanted(7, administrative, {"act": "directive.lift", "directive": "BIS-2026-06-26", "approved_by": APPROVER})
    codes = {2: "item_stopped", 3: "license_required", 6: "license_required"}
    for step, code in codes.items():
        cut = next(stream.refused for stream in stage.cuts[step] if stream.refused and stream.refused.code == code)
        yield _Wanted(step, ("--kind", "stream_cut", "--decision", str(cut.decision)), {"code": code})


def _search(stage: Stage, search: tuple[str, ...]) -> list[Any]:
    return list(stage.scene.licet("record", "list", *search, "--limit", 10_000))


def _member(row: Mapping[str, Any], name: str) -> Any:
    if name == "id":
        return row["id"]
    value: Any = row["body"]
    for part in name.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _show_a_receipt(stage: Stage) -> Check:
    """A caller's proof that their refusal is on record, under a checkpoint that a witness has signed."""
    record = stage.decisions["needs_evidence"]
    receipt = stage.scene.directory / "receipt.tlog-proof"
    receipt.write_text(stage.scene.licet("record", "receipt", record)["receipt"], encoding="utf-8")
    told = stage.scene.licet("receipt", "verify", receipt, "--policy", stage.scene.instance / "log.policy")
    return expect(
        f"licet record receipt {record}; licet receipt verify FILE --policy log.policy (its quorum: a witness)",
        [True, record, ["demo"]],
        [told["verified"], json.loads(told["entry"])["id"], sorted(told["cosigned_by"])],
    )


def _decide_again(stage: Stage) -> Check:
    record = stage.decisions["needs_evidence"]
    again = stage.scene.licet("record", "redecide", record)
    return expect(f"licet record redecide {record}", ["agrees", "needs_evidence"], [again["answer"], again["outcome"]])


def _rewrite_history(stage: Stage) -> Iterator[Check]:
    """Sign another past with the log's own keys: the witness does not cosign it, so no trust file of ours takes it."""
    instance = stage.scene.instance
    keys = read_log_keys(instance)
    with open_reader(database_path(instance)) as reader:
        seen = read_checkpoint(reader.witnessed() or reader.checkpoint())
    hashes = [leaf_hash(b"another record %d" % number) for number in range(seen.size + 1)]
    frontier = Frontier()
    for each in hashes:
        frontier.append(each)
    note = keys.sign(Checkpoint(keys.origin, frontier.size, frontier.root()), int(stage.scene.now().timestamp()))
    # The proof that the forger can give: from their own tree of that size.
    proof = consistency_proof(_nodes(hashes), seen.size, frontier.size)
    asked = AddCheckpoint(seen.size, proof, note).to_bytes()
    status = stage.scene.send(f"{stage.scene.witness}/add-checkpoint", asked)
    did = "another history, signed with the log's own keys, is brought to the witness"
    yield expect(did, "refused", "refused" if status in _REFUSED else f"answered {status}")
    trusted = read_policy((instance / "log.policy").read_bytes())
    try:
        verify_checkpoint(note, trusted)
        said = "accepted"
    except ReceiptError as err:
        said = str(err)
    yield expect(
        "its checkpoint, held against log.policy",
        "expected cosignatures that meet the quorum `demo`, found none",
        said,
    )


def _nodes(hashes: list[bytes]) -> Nodes:
    def node(height: int, place: int) -> bytes:
        if height == 0:
            return hashes[place]
        return node_hash(node(height - 1, 2 * place), node(height - 1, 2 * place + 1))

    return node


def _alter_a_copy(stage: Stage, size: int) -> Iterator[Check]:
    """Flip one bit of one stored entry in a copy of the log."""
    copy, place = stage.scene.directory / "copy.db", size // 2
    with closing(sqlite3.connect(stage.scene.instance / "log.db")) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
        entry = bytearray(target.execute("SELECT entry FROM entries WHERE place = ?", (place,)).fetchone()[0])
        entry[len(entry) // 2] ^= 1
        target.execute("UPDATE entries SET entry = ? WHERE place = ?", (bytes(entry), place))
        target.commit()
    witnessed_path(copy).write_bytes(witnessed_path(stage.scene.instance / "log.db").read_bytes())
    policy = stage.scene.instance / "log.policy"
    ran = stage.scene.try_licet("log", "verify", "--file", copy, "--policy", policy)
    yield expect(
        f"one byte of entry {place} of {size} is flipped in a copy; licet log verify --file copy.db",
        {"exit code": 1, "faults at": [place]},
        {"exit code": ran.code, "faults at": [fault["index"] for fault in (ran.value or {}).get("faults", ())]},
    )
