"""Write a log out as static files in the form of C2SP tlog-tiles, for readers who may see its entries."""

import os
from pathlib import Path

from licet.errors import UnavailableError
from licet.logwriter.reader import LogReader, open_reader
from licet.records.tlog import ENTRIES, HASH_BYTES, TILE_WIDTH, read_checkpoint, tiles_of

CHECKPOINT = "checkpoint"
_FILE_MODE, _DIRECTORY_MODE = 0o600, 0o700


def export_tiles(log: Path, directory: Path) -> int:
    """Bring the files of a directory up to the log's present checkpoint, and give the tree's size.

    Full tiles that are there already are left alone, since they never change. The
    checkpoint is written last, so that it is never ahead of its tiles.

    Args:
        log: The log's file; its writer may be running.
        directory: Made if it is not there. It and its files are for this user only.

    Raises:
        UnavailableError: the log cannot be read, or the files cannot be written.
    """
    with open_reader(log) as reader:
        settled = reader.settle()
        with reader.snapshot():
            note = reader.checkpoint(settled)
            size = read_checkpoint(note).size
            try:
                _bring_up(reader, size, directory)
                _write(directory / CHECKPOINT, note.encode(), directory)
            except OSError as err:
                raise UnavailableError(f"the tiles cannot be written: {err}", code="export_failed") from err
    return size


def _bring_up(reader: LogReader, size: int, directory: Path) -> None:
    directory.mkdir(mode=_DIRECTORY_MODE, parents=True, exist_ok=True)
    for name in tiles_of(size):
        path = directory / name.path
        if name.width < TILE_WIDTH or not path.exists():
            content = reader.tile(name)
            # The log may have gone on since: then its last tiles have more hashes than this tree has.
            _write(path, content if name.level == ENTRIES else content[: name.width * HASH_BYTES], directory)


def _write(path: Path, content: bytes, root: Path) -> None:
    """Write a file whole or not at all."""
    for parent in reversed([parent for parent in path.parents if parent.is_relative_to(root)]):
        parent.mkdir(mode=_DIRECTORY_MODE, exist_ok=True)
    fresh = path.with_name(path.name + ".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _FILE_MODE), "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
