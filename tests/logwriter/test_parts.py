"""A part of a log is verified against the rest, and says what the verification of the whole says."""

import random
import sqlite3
from contextlib import closing
from dataclasses import replace

import pytest

from flips_for_tests import Flips, cells, finds_cell, unmistakable
from licet.errors import TrustError
from licet.logwriter import ConfirmedLog, database_path, export_tiles, open_reader, verify_tiles
from licet.records.tlog import ENTRIES, Flaw, TileName, sign_checkpoint
from log_samples import keys_of, open_sealing, verified

COUNT = 300


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    directory = tmp_path_factory.mktemp("log")
    path = database_path(directory)
    with open_sealing(path) as store:
        store.append_batch([unmistakable(f"R{n}").to_bytes() for n in range(COUNT)])
    export_tiles(path, directory / "tiles")
    return path


@pytest.fixture(scope="module")
def policy(path):
    return keys_of(path.parent).policy


@pytest.fixture(scope="module")
def log(path, policy):
    with open_reader(path) as reader:
        return ConfirmedLog.confirm((row.entry for row in reader.entries()), reader.checkpoint(), policy)


def test_every_part_of_a_whole_log_is_right(path, log):
    with open_reader(path) as reader:
        assert [log.check_row(row) for row in reader.entries()] == [()] * COUNT
        assert log.check_checkpoint(reader.checkpoint()) == ()
        names = [*log.right, TileName(ENTRIES, 0), TileName(ENTRIES, 1, COUNT - 256)]
        assert [log.check_tile(name, reader.tile(name)) for name in names] == [()] * 5


def test_flips_of_a_part_are_found_there(path, policy):
    """The form for every day: the integers of some rows; `make torture` flips every byte of a thousand records."""
    flips = Flips(path, policy)
    flips.numbers(step=97)
    assert (flips.missed, flips.counted.total() > 100) == ([], True)
    assert verified(path).is_whole


def test_the_part_and_the_whole_find_the_same(path, policy, log):
    dice = random.Random(5)  # noqa: S311  # the same in every run
    columns = [("entries", name, "place") for name in ("id", "at", "kind", "entry")] + [("bodies", "sealed", "place")]
    by_column = [list(cells(path, [column])) for column in columns]
    for table, column, key, row, length in [dice.choice(rows) for rows in by_column for _ in range(5)]:
        assert finds_cell(path, policy, table, column, key, row, dice.randrange(length)), (table, column, row)
    assert verified(path).is_whole
    tiles = path.parent / "tiles"
    for name in (TileName(ENTRIES, 0), TileName(ENTRIES, 1, COUNT - 256), TileName(0, 0), TileName(1, 0, 1)):
        file = tiles / name.path
        content = file.read_bytes()
        for place in (0, 1, len(content) - 1, dice.randrange(len(content))):
            altered = content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]
            file.write_bytes(altered)
            whole = {(fault.what, fault.index) for fault in verify_tiles(tiles, policy).faults}
            part = {(fault.what, fault.index) for fault in log.check_tile(name, altered)}
            assert part <= whole or part == {(Flaw.ALTERED_TILE, None)}, (name, place)
            assert part, (name, place)
        file.write_bytes(content)


@pytest.mark.parametrize(
    ("place", "what"),
    [(-1, Flaw.OUT_OF_ORDER), (0, None), (COUNT - 1, None), (COUNT, Flaw.UNSIGNED)],
)
def test_a_row_stands_where_the_tree_has_it(path, log, place, what):
    with open_reader(path) as reader:
        (row,) = reader.entries(0 if place < 1 else COUNT - 1, 1 if place < 1 else COUNT)
    faults = log.check_row(replace(row, index=place))
    assert [(fault.what, fault.index) for fault in faults] == ([] if what is None else [(what, place)])
    (elsewhere,) = log.check_row(replace(row, index=5))
    assert (elsewhere.what, elsewhere.index, elsewhere.record_id) == (Flaw.ALTERED_ENTRY, 5, row.id)


@pytest.mark.parametrize("cut", [1, 2, 40])
def test_a_bundle_that_is_cut_off_names_what_is_missing(path, log, cut):
    name = TileName(ENTRIES, 0)
    with open_reader(path) as reader:
        content = reader.tile(name)[:-cut]
    faults = [(fault.what, fault.tile or fault.index) for fault in log.check_tile(name, content)]
    assert faults == [(Flaw.ALTERED_TILE, name.path), (Flaw.MISSING, 255)]


def test_another_checkpoint_of_the_same_keys_is_not_this_one(path, log):
    other = sign_checkpoint(replace(log.checkpoint, root=b"x" * 32), keys_of(path.parent).keys, 0)
    assert [fault.what for fault in log.check_checkpoint(other)] == [Flaw.OTHER_ROOT]


def test_a_log_that_is_not_whole_confirms_nothing(path, policy):
    with open_reader(path) as reader:
        entries, note = [row.entry for row in reader.entries()], reader.checkpoint()
    for bad, signed in ((entries[:-1], note), ([*entries[:-1], b"{}"], note), (entries, note.replace("log-", "log+"))):
        with pytest.raises(TrustError) as caught:
            ConfirmedLog.confirm(bad, signed, policy)
        assert caught.value.code == "log_not_whole"


@pytest.mark.parametrize("change", ["size = size + 1", "signed_at = signed_at - 1"])
def test_the_trees_row_says_what_its_checkpoint_says(path, change):
    with closing(sqlite3.connect(path)) as database:
        before = database.execute("SELECT size, signed_at FROM tree").fetchone()
        database.execute(f"UPDATE tree SET {change}")  # noqa: S608  # one of the two above
        database.commit()
        (fault,) = verified(path).faults
        database.execute("UPDATE tree SET size = ?, signed_at = ?", before)
        database.commit()
    assert (fault.what, fault.index) == (Flaw.ALTERED_COLUMN, None)
    assert verified(path).is_whole
