"""Copy an instance while it serves, and make one from a copy.

A copy holds the store, the log, the map of stored objects and the configuration, and no secret: keys and tokens
go into an archive of their own, to be kept elsewhere. The store is copied before the
log, so that the log has the record of every act that the store has.

What comes back may be older than what was lost: a stop, a lift or a revocation of the
time between is not in it. So everything is stopped in an instance that was restored,
until two persons have looked.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from licet import __version__
from licet.app.config import read_config
from licet.app.keys import read_signing_key
from licet.app.places import Places
from licet.errors import ConfigurationError, ConflictError, InputError, LicetError, TrustError, UnavailableError
from licet.fleet import Clock, new_record_id
from licet.logwriter import read_log_keys, verify_log
from licet.orders import ORDER, OrderFolder, StopOrder
from licet.stores import Store
from licet.terms import format_instant

FORMAT = "licet-backup/1"
_MANIFEST, _STORE, _LOG, _OBJECTS = "backup.json", "licet.db", "log.db", "objects.db"
OWN_STORE = f"sqlite:///{_STORE}"
"""The URL of a store that is the instance's own."""
_COPIED = ("licet.toml", "log.policy", "log.witnessed", "log.chain.db", "policy.epoch")
_SECRET = ("secrets", "tokens", "admin.token")
_LONGEST_MANIFEST, _CHUNK = 1 << 20, 1 << 20


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made, or that was restored.

    `records` is how many the log holds in it.
    """

    at: str
    files: Mapping[str, int]
    records: int


def back_up(directory: Path, archive: Path, keys: Path, at: datetime) -> Backup:
    """Copy an instance into `archive`, and its keys and tokens into `keys`; it may be serving.

    Raises:
        ConflictError: one of the archives exists.
        UnavailableError: something cannot be read or written.
    """
    places = Places(directory)
    for path in (archive, keys):
        if path.exists():
            raise ConflictError(f"expected a new file, found `{path}`", code="file_exists")
    try:
        with tempfile.TemporaryDirectory(dir=archive.parent, prefix=".licet-backup-") as scratch:
            copied = dict(_copied(places, Path(scratch)))
            with _new(archive) as file:
                manifest = _pack(file, copied, at)
        with _new(keys) as file:
            _pack(file, dict(_secret(directory)), at)
    except (OSError, sqlite3.Error, tarfile.TarError) as err:
        raise UnavailableError(f"the instance could not be copied: {err}", code="backup_failed") from err
    return Backup(manifest["at"], {name: x["bytes"] for name, x in manifest["files"].items()}, manifest["records"])


def restore(archive: Path, keys: Path, directory: Path) -> Backup:
    """Make an instance in a new or empty directory of what `back_up` copied; everything in it is stopped.

    Raises:
        ConflictError: the directory holds something.
        TrustError: a file is not what the archive's manifest says, or the log does not verify.
        InputError: an archive is none of ours.
    """
    if directory.exists() and any(directory.iterdir()):
        raise ConflictError(f"expected a new or empty directory, found files in `{directory}`", code="not_empty")
    made_here = not directory.exists()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.chmod(0o700)
        manifest = _unpack(archive, directory, _is_copied)
        _unpack(keys, directory, _is_secret)
        _check(directory)
        _stop_everything(directory)
    except (OSError, tarfile.TarError, sqlite3.Error, LicetError) as err:
        # Half an instance is none, and must not be served by mistake.
        _empty(directory, remove=made_here)
        if isinstance(err, LicetError):
            raise
        raise InputError(f"expected archives that `licet backup` made: {err}", code="bad_backup") from err
    return Backup(manifest["at"], {name: x["bytes"] for name, x in manifest["files"].items()}, manifest["records"])


def _copied(places: Places, scratch: Path) -> Iterator[tuple[str, Path]]:
    for name, source in (
        (_STORE, store_at(places, read_config(places.config).store_url)),
        (_LOG, places.log),
        (_OBJECTS, places.objects),
    ):
        if source.exists():
            copy_database(source, scratch / name)
            yield name, scratch / name
    for name in _COPIED:
        if (places.directory / name).exists():
            yield name, places.directory / name
    for path in sorted(places.orders.glob(f"*{ORDER}")):
        yield f"orders/{path.name}", path


def store_at(places: Places, url: str) -> Path:
    """The store, which must be the instance's own: a copy would else be of one that another may use.

    Raises:
        ConfigurationError: it is elsewhere.
    """
    own = places.directory.resolve() / _STORE
    if places.directory.resolve() / url.removeprefix("sqlite:///") != own:
        raise ConfigurationError(f"expected the store at `{OWN_STORE}`, found `{url}`: copy it by itself")
    return own


def copy_database(source: Path, target: Path) -> None:
    """One state of it, whoever writes meanwhile."""
    with (
        closing(sqlite3.connect(f"file:{source}?mode=ro", uri=True)) as database,
        closing(sqlite3.connect(target)) as copy,
    ):
        database.backup(copy)


def _secret(directory: Path) -> Iterator[tuple[str, Path]]:
    for name in _SECRET:
        path = directory / name
        for file in sorted(path.rglob("*")) if path.is_dir() else [path]:
            if file.is_file():
                yield str(file.relative_to(directory)), file


def _is_copied(name: str) -> bool:
    in_orders = name.startswith("orders/") and name.endswith(ORDER) and name.count("/") == 1
    return name in {_STORE, _LOG, _OBJECTS, *_COPIED} or in_orders


def _is_secret(name: str) -> bool:
    folder, slash, rest = name.partition("/")
    return (name in _SECRET) if not slash else folder in _SECRET and "/" not in rest and not rest.startswith(".")


def _new(path: Path) -> IO[bytes]:
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")


def _pack(file: IO[bytes], copied: Mapping[str, Path], at: datetime) -> dict[str, Any]:
    """Write a tar whose first member says what the others are."""
    sizes = {name: path.stat().st_size for name, path in copied.items()}
    manifest = {
        "format": FORMAT,
        "version": __version__,
        "at": format_instant(at),
        "records": _count(copied[_LOG]) if _LOG in copied else 0,
        "files": {name: {"bytes": size, "sha256": _digest(copied[name])} for name, size in sizes.items()},
    }
    text = json.dumps(manifest, indent=1).encode()
    with tarfile.open(fileobj=file, mode="w") as tar, tempfile.TemporaryFile() as first:
        first.write(text)
        first.seek(0)
        tar.addfile(_member(_MANIFEST, len(text)), first)
        for name, path in copied.items():
            with path.open("rb") as content:
                tar.addfile(_member(name, sizes[name]), content)
    file.flush()
    os.fsync(file.fileno())
    return manifest


def _member(name: str, size: int) -> tarfile.TarInfo:
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o600
    return member


def _unpack(archive: Path, directory: Path, is_ours: Any) -> dict[str, Any]:
    """Write what a manifest names, and nothing else, each file as its digest says."""
    with tarfile.open(archive, mode="r:") as tar:
        first = tar.next()
        if first is None or first.name != _MANIFEST or first.size > _LONGEST_MANIFEST:
            raise InputError("expected an archive that `licet backup` made", code="bad_backup")
        manifest = _manifest(tar.extractfile(first))
        left = dict(manifest["files"])
        while (member := tar.next()) is not None:
            said = left.pop(member.name, None)
            if said is None or not member.isreg() or not is_ours(member.name):
                raise TrustError(
                    f"found `{member.name[:64]}` in the archive, which has no place there", code="bad_backup"
                )
            _write(tar.extractfile(member), directory / member.name, said)
        if left:
            raise TrustError(f"expected `{min(left)}` in the archive, found no such file", code="bad_backup")
    return manifest


def _manifest(file: IO[bytes] | None) -> dict[str, Any]:
    try:
        manifest = json.loads(b"" if file is None else file.read())
        if manifest["format"] != FORMAT:
            raise InputError(f"expected the format `{FORMAT}`, found `{manifest['format']}`", code="bad_backup")
        for said in manifest["files"].values():
            _ = said["sha256"], said["bytes"]
        _ = manifest["at"], manifest["records"]
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise InputError("expected an archive that `licet backup` made", code="bad_backup") from err
    return dict(manifest)


def _write(content: IO[bytes] | None, path: Path, said: Mapping[str, Any]) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    digest = hashlib.sha256()
    with _new(path) as file:
        while content is not None and (chunk := content.read(_CHUNK)):
            digest.update(chunk)
            file.write(chunk)
        file.flush()
        os.fsync(file.fileno())
    if digest.hexdigest() != said["sha256"]:
        raise TrustError(f"`{path.name}` is not the file that was copied", code="bad_backup")


def _check(directory: Path) -> None:
    """What an instance needs is there, and the log is whole."""
    places = Places(directory)
    store = Store(f"sqlite:///{store_at(places, read_config(places.config).store_url)}")
    try:
        store.check()
    finally:
        store.close()
    if not places.log.exists():
        return
    report = verify_log(places.log, read_log_keys(directory).policy)
    if not report.is_whole:
        raise TrustError("the log in the archive does not verify", code="log_not_whole")


def _stop_everything(directory: Path) -> None:
    at = Clock().now()
    order = StopOrder(new_record_id(at), (), everything=True, by="licet restore", at=at)
    OrderFolder(Places(directory).orders).give(order, read_signing_key(Places(directory).policy_key))


def _empty(directory: Path, *, remove: bool) -> None:
    for path in list(directory.iterdir()) if directory.exists() else []:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    if remove and directory.exists():
        directory.rmdir()


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _count(log: Path) -> int:
    with closing(sqlite3.connect(f"file:{log}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM entries").fetchone()[0])
