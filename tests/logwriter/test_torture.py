"""The long forms: `make torture`."""

import random
import resource
import subprocess
import sys
from contextlib import contextmanager

import pytest

from flips_for_tests import cells, finds_cell, finds_file
from kills_for_tests import kill_under_load
from licet.errors import UnavailableError
from licet.logwriter import export_tiles, verify_tiles
from licet.records.tlog import tiles_of
from log_samples import keys_of, open_store, record, verified, written_log

pytestmark = pytest.mark.torture
COUNT = 1000


async def test_a_hundred_kills_under_load(directory):
    await kill_under_load(directory, rounds=100, writers=64)


def test_every_flipped_byte_of_a_thousand_records_is_found(directory):
    policy = keys_of(directory).policy
    tiles = directory / "tiles"
    export_tiles(written_log(directory, COUNT), tiles)
    missed = [
        (name, place)
        for name in ["checkpoint", *(tile.path for tile in tiles_of(COUNT))]
        for place in range((tiles / name).stat().st_size)
        if not finds_file(tiles, policy, name, place)
    ]
    assert missed == []
    assert verify_tiles(tiles, policy).is_whole


def test_thousands_of_flips_in_the_database_are_found(directory):
    path, dice = written_log(directory, COUNT), random.Random(3)  # noqa: S311  # the same in every run
    policy = keys_of(directory).policy
    everything = [(*place, at) for *place, length in cells(path) for at in range(0, length, 64)]
    missed = [cell for cell in dice.sample(everything, 2000) if not finds_cell(path, policy, *cell)]
    assert missed == []


def append_until_refused(store, batches):
    taken = 0
    for batch in batches:
        try:
            taken += len(store.append_batch(batch))
        except UnavailableError:
            return taken
    pytest.fail("the disk did not fill up")
    return taken


@contextmanager
def small_disk(directory, size):
    directory.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a small disk cannot be mounted here")
    try:
        yield directory
    finally:
        subprocess.run(["umount", "--lazy", str(directory)], check=True)


def test_a_full_disk_fails_batches_whole_and_the_log_goes_on(directory):
    with small_disk(directory / "disk", "2m") as disk:
        path = written_log(disk, 0)
        with open_store(path) as store:
            batches = ([record(f"R{n}-{m}", {"t": "x" * 9000}).to_bytes() for m in range(9)] for n in range(100))
            taken = append_until_refused(store, batches)
            assert store.size == taken
        assert verified(path).size == taken
        assert verified(path).is_whole


def test_a_limit_on_the_files_size_at_every_step_leaves_a_whole_log(directory):
    """The kernel refuses the write at some byte of a commit; the file is opened again after each."""
    script = (
        "import sys; from pathlib import Path; sys.path.insert(0, sys.argv[2]); from log_samples import *\n"
        "from licet.errors import UnavailableError\n"
        "with open_store(Path(sys.argv[1])) as store:\n"
        "    for n in range(60):\n"
        "        try: store.append_batch([record(f'{sys.argv[3]}-{n}').to_bytes()])\n"
        "        except UnavailableError: break\n"
    )
    path = written_log(directory, 3)
    for limit in range(70_000, 200_000, 4099):

        def bound(limit=limit):
            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))

        command = [sys.executable, "-c", script, str(path), "tests", str(limit)]
        subprocess.run(command, preexec_fn=bound, check=False, capture_output=True)
        assert verified(path).is_whole
