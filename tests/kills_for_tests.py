"""Kill the log writer again and again while many write, and compare with what they were told."""

import asyncio
import os
import random
import signal

from licet.errors import UnavailableError
from licet.logwriter import LogClient, database_path, open_reader, socket_path, writer_program
from licet.processes import Supervisor
from licet.receipts import leaf_hash, verify_receipt
from licet.records.tlog import read_checkpoint
from log_samples import keys_of, open_store, record, until, verified


async def kill_under_load(directory, *, rounds, writers):
    """No acknowledged record is lost, nobody hangs, the log is whole and no checkpoint is ahead of it."""
    policy = keys_of(directory).policy
    path, told = database_path(directory), directory / "told"
    client, failures, given = LogClient(socket_path(directory), timeout_s=5.0), [], []
    is_over = asyncio.Event()

    async def write(writer, file):
        number = 0
        while not is_over.is_set():
            number += 1
            try:
                receipt = await client.append(record(f"W{writer}-{number}", {"n": number}))
            except UnavailableError as err:
                failures.append(err.code)
                await asyncio.sleep(0.01)
            else:
                # The clients' own file of what they were told, which no crash of the log touches.
                file.write(f"{receipt.record_id} {receipt.index} {receipt.hash_hex}\n")

    dice = random.Random(20260612)  # noqa: S311  # the same instants in every run
    with told.open("w") as file:
        async with Supervisor(writer_program(directory), steady_s=0.0) as supervisor:
            tasks = [asyncio.create_task(write(writer, file)) for writer in range(writers)]
            for round_ in range(rounds):
                before = file.tell()
                await until(lambda before=before: file.tell() > before, 10)
                await asyncio.sleep(dice.uniform(0, 0.1))
                os.kill(supervisor.pid, signal.SIGKILL)
                with open_reader(path) as reader:
                    given.append(_any_receipt(reader, dice))
                await until(lambda round_=round_: supervisor.restarts > round_, 10)
            is_over.set()
            async with asyncio.timeout(10):
                await asyncio.gather(*tasks)
            await client.close()
    assert set(failures) == {"log_unavailable"}
    _compare(path, told)
    for receipt in given:
        verify_receipt(receipt.encode(), policy)
        kept = read_checkpoint(receipt.split("\n\n", 1)[1])
        assert verified(path, kept).is_whole, "a receipt's checkpoint is the log's beginning for ever"
    with open_store(path) as store:  # refuses a checkpoint that is ahead of its tiles or entries
        assert store.size > rounds


def _any_receipt(reader, dice):
    with reader.snapshot():
        size = read_checkpoint(reader.newest()).size
        place = dice.randrange(size)
        (row,) = reader.entries(place, place + 1)
    return reader.receipt(row.id)


def _compare(path, told):
    acknowledged = [line.split() for line in told.read_text().splitlines()]
    assert acknowledged
    with open_reader(path) as reader:
        stored = {row.id: [row.id, str(row.index), leaf_hash(row.entry).hex()] for row in reader.entries()}
    assert [stored.get(each[0]) for each in acknowledged] == acknowledged
