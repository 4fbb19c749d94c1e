"""The long forms: `make torture`."""

import resource
import subprocess
import sys
from contextlib import contextmanager

import pytest

from flips_for_tests import Flips, unmistakable
from kills_for_tests import kill_under_load
from licet.errors import UnavailableError
from licet.logwriter import database_path, export_tiles, verify_tiles
from log_samples import keys_of, open_sealing, open_store, record, verified, written_log

pytestmark = pytest.mark.torture
COUNT = 1000


async def test_a_hundred_kills_under_load(directory):
    await kill_under_load(directory, rounds=100, writers=64)


@pytest.fixture
def flips(directory):
    """A sealed log of a thousand records, and the same as files."""
    path = database_path(directory)
    with open_sealing(path) as store:
        store.append_batch([unmistakable(f"R{n}").to_bytes() for n in range(COUNT)])
    export_tiles(path, directory / "tiles")
    policy = keys_of(directory).policy
    yield Flips(path, policy)
    assert verified(path).is_whole
    assert verify_tiles(directory / "tiles", policy).is_whole


def test_every_flipped_byte_of_the_files_of_a_thousand_records_is_found_where_it_is(flips, directory):
    flips.files(directory / "tiles")
    assert (flips.missed, flips.counted.total() > COUNT * 300) == ([], True)


def test_every_flipped_byte_of_the_values_of_a_thousand_records_is_found_where_it_is(flips):
    flips.values()
    assert (flips.missed, flips.counted.total() > COUNT * 500) == ([], True)


def test_every_flipped_byte_of_the_numbers_of_a_thousand_records_is_found_where_it_is(flips):
    flips.numbers()
    assert (flips.missed, flips.counted.total() > COUNT * 14) == ([], True)


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
