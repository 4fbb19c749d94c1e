"""A log that was touched is found out, and the place is named."""

import random
import shutil
import sqlite3

import pytest

from flips_for_tests import cells, finds_cell, finds_file, flipped_cell
from licet.errors import UnavailableError
from licet.logwriter import export_tiles, open_reader, verify_tiles
from licet.records.tlog import EMPTY_ROOT, ENTRIES, Flaw, read_checkpoint, sign_checkpoint, tiles_of
from log_samples import keys_of, open_store, record, verified, written_log

COUNT = 700


@pytest.fixture(scope="module")
def original(tmp_path_factory):
    """A log of three bottom tiles, the last of them partial, and the same as files."""
    directory = tmp_path_factory.mktemp("log")
    path = written_log(directory, COUNT)
    assert export_tiles(path, directory / "tiles") == COUNT
    return path


@pytest.fixture
def path(original, tmp_path):
    """A copy to be damaged."""
    shutil.copytree(original.parent, tmp_path / "copy")
    return tmp_path / "copy" / "log.db"


@pytest.fixture
def policy(original):
    return keys_of(original.parent).policy


def execute(path, statement, *values):
    with sqlite3.connect(path) as database:
        database.execute(statement, values)
    database.close()


def found(report):
    return [
        (fault.what, fault.index if fault.tile is None or fault.index is not None else fault.tile)
        for fault in report.faults
    ]


def test_a_whole_log(path, policy):
    report, files = verified(path), verify_tiles(path.parent / "tiles", policy)
    assert (report.size, report.faults) == (COUNT, ())
    assert files == report


def test_sampled_flips_in_the_database_are_found_where_they_are(path, policy):
    """The long form flips every byte: `make torture`."""
    dice = random.Random(1)  # noqa: S311  # the same in every run
    everything = list(cells(path))
    by_table = [[cell for cell in everything if cell[0] == table] for table in ("entries", "tiles", "tree")]
    for cell in [dice.choice(table) for table in by_table for _ in range(12)]:
        *place, length = cell
        assert finds_cell(path, policy, *place, dice.randrange(length)), cell
    assert verified(path).is_whole


def test_sampled_flips_in_the_files_are_found_where_they_are(path, policy):
    tiles, dice = path.parent / "tiles", random.Random(2)  # noqa: S311  # the same
    for name in ["checkpoint", *(name.path for name in tiles_of(COUNT))]:
        length = (tiles / name).stat().st_size
        for place in {0, 1, length - 1, *(dice.randrange(length) for _ in range(4))}:
            assert finds_file(tiles, policy, name, place), (name, place)
    assert verify_tiles(tiles, policy).is_whole


@pytest.mark.parametrize(("column", "place"), [("id", 0), ("at", 3), ("kind", 0)])
@pytest.mark.parametrize("row", [0, 255, 256, COUNT - 1])
def test_a_column_that_says_something_else_is_found(path, column, place, row):
    with flipped_cell(path, "entries", column, "place", row, place):
        assert found(verified(path)) == [(Flaw.ALTERED_COLUMN, row)]


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("DELETE FROM entries WHERE place = 4", [(Flaw.MISSING, 4)]),
        ("DELETE FROM entries WHERE place BETWEEN 200 AND 600", [(Flaw.MISSING, 200)]),
        ("DELETE FROM entries WHERE place >= 600", [(Flaw.MISSING, 600)]),
        ("DELETE FROM entries", [(Flaw.MISSING, 0)]),
        ("UPDATE entries SET place = -1 WHERE place = 4", [(Flaw.OUT_OF_ORDER, -1), (Flaw.MISSING, 4)]),
        ("INSERT INTO entries VALUES (700, 'X', '', '', x'00')", [(Flaw.UNSIGNED, 700)]),
        ("UPDATE entries SET entry = 'text' WHERE place = 4", [(Flaw.ALTERED_ENTRY, 4)]),
        ("UPDATE entries SET entry = 7 WHERE place = 4", [(Flaw.ALTERED_ENTRY, 4)]),
        ("UPDATE entries SET id = x'ff00ff' WHERE place = 4", [(Flaw.ALTERED_COLUMN, 4)]),
        ("DELETE FROM tiles WHERE level = 0 AND number = 1", [(Flaw.ALTERED_TILE, "tile/0/001")]),
        ("DELETE FROM tiles WHERE level = 1", [(Flaw.ALTERED_TILE, "tile/1/000.p/2")]),
        ("UPDATE tiles SET hashes = x'00' WHERE level = 0 AND number = 2", [(Flaw.ALTERED_TILE, "tile/0/002.p/188")]),
        ("UPDATE tallies SET amount = amount + 1", [(Flaw.ALTERED_COLUMN, None)]),
        ("INSERT INTO objects VALUES ('file-1', 'fable')", [(Flaw.ALTERED_COLUMN, None)]),
        ("DELETE FROM tree", [(Flaw.UNREADABLE, None)]),
        ("DROP TABLE tiles", "faults"),
        ("DROP TABLE entries", "faults"),
    ],
)
def test_what_was_done_to_the_rows_is_located(path, statement, expected):
    execute(path, statement)
    faults = found(verified(path))
    assert faults == expected if expected != "faults" else faults


def test_an_entry_and_its_hash_altered_together_are_found_above_them(path):
    """Whoever rewrites both must rewrite the tile above, and at last the checkpoint, which is signed."""
    from licet.receipts import leaf_hash

    entry = record("R6", {"item": "mythos"}).to_bytes()
    execute(path, "UPDATE entries SET entry = ? WHERE place = 5", entry)
    with sqlite3.connect(path) as database:
        ((hashes,),) = database.execute("SELECT hashes FROM tiles WHERE level = 0 AND number = 0")
    database.close()
    altered = hashes[: 5 * 32] + leaf_hash(entry) + hashes[6 * 32 :]
    execute(path, "UPDATE tiles SET hashes = ? WHERE level = 0 AND number = 0", altered)
    faults = found(verified(path))
    assert faults == [(Flaw.ALTERED_TILE, "tile/0/000")]
    from licet.records.tlog.tiles import split_hashes, tile_root

    above = tile_root(split_hashes(altered))
    execute(path, "UPDATE tiles SET hashes = ? || substr(hashes, 33) WHERE level = 1", above)
    assert [fault.what for fault in verified(path).faults] == [Flaw.OTHER_ROOT]


def test_a_rewritten_history_does_not_have_the_checkpoint_that_was_kept(path, tmp_path):
    """Somebody with the keys makes another log of the same length; whoever kept a checkpoint sees it."""
    with open_reader(path) as reader:
        kept = read_checkpoint(reader.checkpoint())
    again = tmp_path / "again"
    again.mkdir()
    shutil.copytree(path.parent / "secrets", again / "secrets")
    rewritten = written_log(again, COUNT + 50, lambda name: record(name, {"item": "rewritten"}))
    assert verified(rewritten).is_whole
    assert found(verified(rewritten, kept)) == [(Flaw.OTHER_LOG, None)]
    with open_store(path) as store:
        store.append_batch([record("next").to_bytes()])
    assert verified(path, kept).is_whole


def test_a_checkpoint_signed_over_another_tree_is_found(path, policy):
    """The log's own keys, and a root that is not the entries'."""
    note = sign_checkpoint(
        read_checkpoint(f"{_origin(path)}\n{COUNT}\n{'A' * 43}=\n\n— a AAAAAAAA\n"), keys_of(path.parent).keys, 0
    )
    execute(path, "UPDATE tree SET checkpoint = ?", note)
    assert [fault.what for fault in verified(path).faults] == [Flaw.OTHER_ROOT]


def _origin(path):
    return keys_of(path.parent).origin


@pytest.mark.parametrize("keep", [0.0, 0.1, 0.5, 0.9])
def test_a_truncated_file_is_never_whole(path, keep):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * keep)])
    assert not verified(path).is_whole


def test_an_export_goes_on_where_it_was_left(path, policy):
    tiles = path.parent / "tiles"
    first = (tiles / "tile" / "0" / "000").stat().st_mtime_ns
    with open_store(path) as store:
        store.append_batch([record(f"N{n}").to_bytes() for n in range(400)])
    assert export_tiles(path, tiles) == COUNT + 400
    assert (tiles / "tile" / "0" / "000").stat().st_mtime_ns == first
    assert verify_tiles(tiles, policy).is_whole
    assert {file.stat().st_mode & 0o077 for file in tiles.rglob("*")} == {0}


@pytest.mark.parametrize("name", [name for name in tiles_of(COUNT) if name.level != 1])
def test_a_missing_file_is_named(path, policy, name):
    tiles = path.parent / "tiles"
    (tiles / name.path).unlink()
    faults = verify_tiles(tiles, policy).faults
    assert name.path in {fault.tile for fault in faults}
    if name.level == ENTRIES:
        assert name.number * 256 in {fault.index for fault in faults}


def test_a_full_tile_stands_for_its_partial_one(path, policy):
    """A log may delete partial tiles once the full ones are there."""
    tiles, note = path.parent / "tiles", (path.parent / "tiles" / "checkpoint").read_text()
    with open_store(path) as store:
        store.append_batch([record(f"N{n}").to_bytes() for n in range(400)])
    export_tiles(path, tiles)
    for level in ("entries", "0"):
        shutil.rmtree(tiles / "tile" / level / "002.p")
    (tiles / "checkpoint").write_text(note)
    assert verify_tiles(tiles, policy).size == COUNT
    assert verify_tiles(tiles, policy).is_whole


def test_an_empty_log_is_whole(tmp_path):
    path = written_log(tmp_path, 0)
    assert (verified(path).size, verified(path).root, verified(path).is_whole) == (0, EMPTY_ROOT, True)
    assert export_tiles(path, tmp_path / "tiles") == 0
    assert verify_tiles(tmp_path / "tiles", keys_of(tmp_path).policy).is_whole


def test_a_log_that_is_not_there_is_not_whole(tmp_path):
    keys = keys_of(tmp_path)
    with pytest.raises(UnavailableError):
        verified(tmp_path / "log.db")
    with pytest.raises(UnavailableError):
        verify_tiles(tmp_path, keys.policy)


def test_an_export_that_cannot_be_written_says_so(path, tmp_path):
    (tmp_path / "file").write_text("not a directory")
    with pytest.raises(UnavailableError):
        export_tiles(path, tmp_path / "file")
