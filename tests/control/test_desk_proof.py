"""The desk by itself: what takes effect is what was proved, and what a prover refuses does not."""

import asyncio
from queue import SimpleQueue

import pytest
from joserfc.jwk import OKPKey

from decisions_for_tests import AT
from licet.control.act import Act, Intent
from licet.control.desk import Desk
from licet.control.mandates import Effect
from licet.control.publisher import Publisher
from licet.directives import Setting, compile_policy
from licet.errors import ConflictError
from licet.fleet import Clock
from licet.proofs import prove, read_invariants, shipped_invariants
from licet.records import Receipt
from licet.stores import Store

IMPOSSIBLE = """
format = "licet-invariants/1"
[[invariant]]
name = "impossible"
sentence = "Nothing is ever answered."
citation = "a test"
about = "join"
claim = { outcome = [] }
"""


class Kept:
    """A log that keeps records in a list."""

    def __init__(self):
        self.records = []

    async def append(self, record):
        self.records.append(record)
        return Receipt(record.id, len(self.records), "00")

    def post(self, record):
        self.records.append(record)


@pytest.fixture
def store(tmp_path):
    made = Store(f"sqlite:///{tmp_path}/licet.db")
    made.create()
    with made.write() as tx:
        tx.set_meta("persons", "one")
    yield made
    made.close()


def desk(store, prover):
    log, delivered = Kept(), []
    publisher = Publisher(store, OKPKey.generate_key("Ed25519"), Clock(), delivered.append)
    made = Desk(
        store=store, log=log, clock=Clock(), publisher=publisher, publish_rows=lambda _changes: None, prover=prover
    )
    return made, log, delivered


def setting(name, value):
    return lambda tx, at: tx.put_setting(Setting(name, value, "officer", at, "a test"))


EFFECTS = [Effect.TIGHTENS, Effect.LOOSENS]


@pytest.mark.parametrize("effect", EFFECTS)
async def test_what_another_act_changed_meanwhile_is_proved_again(store, effect):
    proved = []

    def prover(bundle, at):
        if not proved:
            with store.write() as tx:
                tx.put_setting(Setting("macau", "with_d5", "another", AT, "it was quicker"))
        report = prove(compile_policy(bundle), shipped_invariants(), at)
        proved.append((bundle.digest, report.digest))
        return report

    made, log, delivered = desk(store, prover)
    await made.carry_out(
        Intent(Act("parameter.set", "officer", {}, effect), setting("embargo_block", False), policy=True)
    )
    assert len(proved) == 2
    (record,) = [x for x in log.records if x.body["act"] == "parameter.set"]
    assert (record.body["policy"]["digest"], record.body["proof"]["digest"]) == proved[1]
    assert len(delivered) == 1
    assert {x.name for x in made.policy().settings} == {"macau", "embargo_block"}


@pytest.mark.parametrize("effect", EFFECTS)
async def test_what_the_prover_refuses_leaves_no_trace(store, effect):
    (impossible,) = read_invariants(IMPOSSIBLE, "own.toml")
    made, log, delivered = desk(store, lambda bundle, at: prove(compile_policy(bundle), [impossible], at))
    with pytest.raises(ConflictError, match=r"impossible: Nothing is ever answered\.") as refused:
        await made.carry_out(
            Intent(Act("parameter.set", "officer", {}, effect), setting("macau", "literal"), policy=True)
        )
    assert refused.value.code == "proof_failed"
    assert (log.records, delivered, made.policy().settings) == ([], [], ())


async def test_an_act_that_changes_no_policy_waits_for_no_proof(store):
    def prover(_bundle, _at):
        raise AssertionError("nothing was to be proved")

    made, log, delivered = desk(store, prover)
    await made.carry_out(Intent(Act("stop", "officer", {"items": []}, Effect.TIGHTENS), lambda _tx, _at: []))
    (record,) = log.records
    assert "proof" not in record.body
    assert delivered == []


async def test_what_is_in_force_is_proved_beforehand_so_that_a_change_finds_it_kept(store):
    proved = SimpleQueue()
    made, _, _ = desk(store, lambda bundle, _at: proved.put(bundle.digest))
    async with made.proving():
        assert await asyncio.to_thread(proved.get, timeout=5) == made.policy().digest
