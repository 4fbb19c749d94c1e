"""Verify a whole log as it lies on the disk: the instance's own file, or tiles that somebody exported."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import takewhile
from pathlib import Path

from licet.errors import InputError, UnavailableError
from licet.logwriter.forms import stored_objects, tallied
from licet.logwriter.reader import LogReader, open_reader
from licet.logwriter.rows import StoredRow
from licet.receipts import ED25519, parse_note
from licet.records import Leaf, Record, spell_instant
from licet.records.tlog import (
    ENTRIES,
    TILE_WIDTH,
    Checkpoint,
    Endorsed,
    Flaw,
    LogFault,
    LogReport,
    Policy,
    ReceiptError,
    TileName,
    audit,
    decode_bundle,
    leaf_hash,
    nodes_from,
    root_hash,
    verify_checkpoint,
)
from licet.records.tlog.audit import KeptTile, claimed_id
from licet.records.tlog.merkle import HASH_BYTES
from licet.records.tlog.notes import TIME_BYTES

_FIRST_PLACE = -(1 << 63)


def verify_log(path: Path, policy: Policy, kept: Checkpoint | None = None) -> LogReport:
    """Check a log's file: its tree, and that what is stored beside an entry is what the entry says.

    A file too damaged to be read on is a fault at the place where reading ended.

    Args:
        path: The log's file; its writer may be running.
        policy: Whose signatures to believe.
        kept: A checkpoint that was true once.

    Raises:
        UnavailableError: there is no log at `path`.
    """
    with open_reader(path) as reader, reader.snapshot():
        rows = _Rows(reader, policy)
        try:
            return rows.finish(_judged(rows.entries(), rows.tile, reader.newest(), policy, kept))
        except UnavailableError as err:
            # The tree's own table is gone; that the rows can be read is still worth knowing.
            report = audit(rows.entries(), rows.tile, None, kept)
            return replace(report, faults=(LogFault(Flaw.UNREADABLE, detail=str(err)), *report.faults))


def verify_tiles(directory: Path, policy: Policy, kept: Checkpoint | None = None) -> LogReport:
    """Check any log in the form of C2SP tlog-tiles, as files below a directory.

    Raises:
        UnavailableError: there is no checkpoint in it.
    """
    try:
        note = (directory / "checkpoint").read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as err:
        raise UnavailableError(f"the checkpoint cannot be read: {err}", code="log_unreadable") from err
    files = _Files(directory)
    report = _judged(files.entries(_claimed_size(note)), files.tile, note, policy, kept)
    return replace(report, faults=(*files.faults, *report.faults))


def _judged(
    entries: Iterator[tuple[int, bytes]], tile: KeptTile, note: str, policy: Policy, kept: Checkpoint | None
) -> LogReport:
    """Audit against the checkpoint, or without it if it is not to be believed."""
    checkpoint, faults = read_signed(note, policy)
    report = audit(entries, tile, checkpoint, kept)
    return replace(report, faults=(*faults, *report.faults))


def read_signed(note: str, policy: Policy) -> tuple[Checkpoint | None, tuple[LogFault, ...]]:
    """What a signed checkpoint says, if it is to be believed, and what is wrong with it."""
    try:
        endorsed = verify_checkpoint(note, policy)
        return endorsed.checkpoint, tuple(_unsigned(note, policy, endorsed))
    except ReceiptError as err:
        return None, (LogFault(Flaw.CHECKPOINT_REFUSED, detail=str(err)),)


def _unsigned(note: str, policy: Policy, endorsed: Endorsed) -> Iterator[LogFault]:
    """A signature of nobody where one of the log's own keys is missing: it was altered.

    Either alone is nothing: a log may sign with keys that the trust file does not
    have, and the trust file may have more keys than the log signs with.
    """
    names = {(key.name, key.id) for key in (*policy.logs, *policy.witnesses.values())}
    strange = [each for each in parse_note(note)[1] if (each.name, each.key_id) not in names]
    origin = endorsed.checkpoint.origin
    if strange and len(endorsed.log_keys) < sum(key.name == origin for key in policy.logs):
        told = f"a signature of `{strange[0].name}` is of no known key, and one of the log's is missing"
        yield LogFault(Flaw.CHECKPOINT_REFUSED, detail=told)


class _Rows:
    """Hands entries to the audit, and compares in passing what is stored beside them."""

    def __init__(self, reader: LogReader, policy: Policy) -> None:
        self._reader, self._policy = reader, policy
        self._faults: list[LogFault] = []
        self._tallies: Counter[str] = Counter()
        self._objects: dict[str, str] = {}
        self._is_sealed = False

    def entries(self) -> Iterator[tuple[int, bytes]]:
        last = -1
        try:
            for row in self._reader.entries(_FIRST_PLACE):
                last = row.index
                self._compare(row)
                yield row.index, row.entry
        except UnavailableError as err:
            self._faults.append(LogFault(Flaw.UNREADABLE, last + 1, detail=str(err)))

    def tile(self, name: TileName) -> bytes:
        try:
            return self._reader.tile(name)
        except UnavailableError:
            return b""  # as good as gone: the audit says so

    def finish(self, report: LogReport) -> LogReport:
        # One alteration is one fault: an altered entry covers its row's columns and what it counts for.
        located = {fault.index for fault in report.faults}
        own = [fault for fault in self._faults if fault.what is Flaw.UNREADABLE or fault.index not in located]
        if not report.faults and not own:
            own += self._miscounted()
            own += self._misdated(report.size)
            own += self._misendorsed(report.size)
        faults = (*report.faults, *own)
        return replace(report, faults=tuple(sorted(faults, key=lambda x: -1 if x.index is None else x.index)))

    def _compare(self, row: StoredRow) -> None:
        told, faults = read_row(row)
        if told is None:
            self._faults += faults
        elif isinstance(told, Record):
            self._tallies.update(tallied(told))
            self._objects.update(stored_objects(told))
        else:
            # What a sealed body counts for besides its kind is not to be seen without its key.
            self._is_sealed = True
            self._tallies[f"kind:{told.kind.value}"] += 1

    def _miscounted(self) -> Iterator[LogFault]:
        tallies, objects = self._reader.tallies(), self._reader.objects()
        if self._is_sealed:
            tallies, objects = {name: tallies.get(name, 0) for name in self._tallies}, self._objects
        for name, found, expected in (
            ("tallies", tallies, dict(self._tallies)),
            ("objects", objects, self._objects),
        ):
            if found != expected:
                yield LogFault(Flaw.ALTERED_COLUMN, detail=f"the {name} are not those of the records")

    def _misdated(self, size: int) -> Iterator[LogFault]:
        """Whether the tree's row says of the checkpoint beside it what that says of itself."""
        claimed, signed_at = self._reader.tree()
        dated = {key.id for key in self._policy.logs if key.kind != ED25519}
        signatures = parse_note(self._reader.newest())[1]
        times = {int.from_bytes(each.value[:TIME_BYTES]) for each in signatures if each.key_id in dated}
        if claimed != size or (times and times != {signed_at}):
            yield LogFault(Flaw.ALTERED_COLUMN, detail="the tree's size or date is not its checkpoint's")

    def _misendorsed(self, size: int) -> Iterator[LogFault]:
        """Whether the log goes on from what every key has signed last; its tiles were found to be right."""
        note = self._reader.endorsed()
        if note is None:
            return
        endorsed, faults = read_signed(note, self._policy)
        yield from faults
        if endorsed is not None and (
            endorsed.size > size or root_hash(nodes_from(self._hashes), endorsed.size) != endorsed.root
        ):
            yield LogFault(Flaw.OTHER_ROOT, detail=f"of the `{endorsed.size}` entries that every key has signed")

    def _hashes(self, level: int, number: int) -> bytes:
        return self.tile(TileName(level, number))


class _Files:
    """A log's tiles as files."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self.faults: list[LogFault] = []

    def tile(self, name: TileName) -> bytes:
        """The file, or the full tile's where the partial one was removed after it."""
        unit = HASH_BYTES * name.width
        for path, length in ((name.path, None), (replace(name, width=TILE_WIDTH).path, unit)):
            try:
                content = (self._directory / path).read_bytes()
            except OSError:
                continue
            return content if name.level == ENTRIES else content[:length]
        return b""

    def entries(self, size: int | None) -> Iterator[tuple[int, bytes]]:
        """Every entry; a bundle that is no row of whole entries is a fault, and given as far as its tile confirms."""
        number = 0
        while size is None or number * TILE_WIDTH < size:
            width = TILE_WIDTH if size is None else min(TILE_WIDTH, size - number * TILE_WIDTH)
            name = TileName(ENTRIES, number, width)
            content, hashes = self.tile(name), self.tile(TileName(0, number, width))
            if not content and not hashes:
                return  # the end, whatever size a checkpoint may claim
            entries, faults = read_bundle(name, content, hashes)
            self.faults += faults
            yield from enumerate(entries, number * TILE_WIDTH)
            number += 1


def read_row(row: StoredRow) -> tuple[Record | Leaf | None, tuple[LogFault, ...]]:
    """What a row's entry says, if what is stored beside it says the same, and what is wrong with it."""
    try:
        told = row.told()
    except InputError:
        told = None
    spelled = told and (told.id, spell_instant(told.at), told.kind.value)
    if told is None or not row.body_is_of(told) or (row.id, row.at, row.kind) != spelled:
        return None, (LogFault(Flaw.ALTERED_COLUMN, row.index, record_id=claimed_id(row.entry)),)
    return told, ()


def read_bundle(name: TileName, content: bytes, hashes: bytes) -> tuple[tuple[bytes, ...], tuple[LogFault, ...]]:
    """The entries of a bundle, and what is wrong with it.

    Of one that is no row of whole entries, those at its front that the tile's hashes confirm.
    """
    entries, is_whole = _parse(content, name.width)
    if is_whole:
        return entries, ()
    confirmed = takewhile(
        lambda each: leaf_hash(each[1]) == hashes[each[0] * HASH_BYTES : (each[0] + 1) * HASH_BYTES],
        enumerate(entries),
    )
    return tuple(entry for _, entry in confirmed), (LogFault(Flaw.ALTERED_TILE, tile=name.path),)


def _parse(content: bytes, width: int) -> tuple[tuple[bytes, ...], bool]:
    """The entries at the front of a bundle, and whether they are all of it."""
    end = len(content)
    try:
        entries = decode_bundle(content)
    except InputError:
        entries, end = _front(content), 0
    # A full bundle may stand for a partial one that was removed.
    return entries[:width], end > 0 and len(entries) in {width, TILE_WIDTH}


def _front(content: bytes) -> tuple[bytes, ...]:
    entries: list[bytes] = []
    place = 0
    while (end := place + 2 + int.from_bytes(content[place : place + 2])) <= len(content):
        entries.append(content[place + 2 : end])
        place = end
    return tuple(entries)


def _claimed_size(note: str) -> int | None:
    """The size that a checkpoint gives, whoever signed it; only how far to read depends on it."""
    lines = note.split("\n")
    return int(lines[1]) if len(lines) > 1 and lines[1].isascii() and lines[1].isdigit() else None
