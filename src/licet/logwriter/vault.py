"""The keys that seal records, wrapped in the log's own file by a key that is kept apart from it.

The file that wraps them, `secrets/records.key`, must not be in the same backups as
the log. A copy of the log alone opens nothing; a key that was destroyed in the log
is gone with every record that it sealed.
"""

import hmac
import os
import secrets
import sqlite3
from contextlib import closing
from functools import lru_cache
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from licet.errors import ConfigurationError
from licet.logwriter.index import TERM_BYTES
from licet.records.sealing import KEY_ID_BYTES, NONCE_BYTES, SECRET_BYTES, KeyRing, SealingKey

SCHEMA = (
    # `subject` is a keyed hash: whose key it is cannot be read from it.
    "CREATE TABLE sealing_keys(id BLOB PRIMARY KEY, subject BLOB UNIQUE NOT NULL, wrapped BLOB NOT NULL) WITHOUT ROWID",
)
_SEARCH_ID = bytes(KEY_ID_BYTES)
_SEARCH = b"search"
_MODE = 0o600
_MOST_CACHED = 100_000
_INSERT = "INSERT INTO sealing_keys(id, subject, wrapped) VALUES (?, ?, ?)"
_BY_SUBJECT = "SELECT id, wrapped FROM sealing_keys WHERE subject = ?"
_BY_ID = "SELECT wrapped FROM sealing_keys WHERE id = ?"


def record_key_path(directory: Path) -> Path:
    """Where the key is that wraps the others. Keep it out of the log's backups."""
    return directory / "secrets" / "records.key"


def ready_record_key(directory: Path, log: Path) -> bytes:
    """The key that wraps the others; it is made where the log has none wrapped by it yet.

    Raises:
        ConfigurationError: it is missing and the log has sealed records, or it is wrong.
    """
    path = record_key_path(directory)
    if not path.exists() and not _has_keys(log):
        path.parent.mkdir(mode=0o700, exist_ok=True)
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "w", encoding="ascii") as file:
            file.write(secrets.token_hex(SECRET_BYTES) + "\n")
            file.flush()
            os.fsync(file.fileno())
    return read_record_key(directory)


def read_record_key(directory: Path) -> bytes:
    """The key that wraps the others.

    Raises:
        ConfigurationError: it is missing or wrong, or others may read it.
    """
    path = record_key_path(directory)
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"expected `{path}` to be readable by its owner only (0600)")
        key = bytes.fromhex(path.read_text(encoding="ascii"))
    except OSError as err:
        told = f"expected the key of sealed records at `{path}`: {err.strerror}"
        raise ConfigurationError(told, code="no_record_key") from err
    except ValueError:
        key = b""  # and no cause: it could quote the key
    if len(key) != SECRET_BYTES:
        raise ConfigurationError(f"expected {2 * SECRET_BYTES} hexadecimal digits at `{path}`")
    return key


class Vault:
    """The sealing keys in a log's database.

    Invariant: a key on a ring that is kept is in the database, or in the transaction under way;
    `forget` is called when that is given up.

    Args:
        key: What wraps the others.
        database: Open on the log; whoever has it commits.

    Attributes:
        state: Another number whenever a key that was given out may be no more.

    Raises:
        ConfigurationError: the key is not the one that wrapped those in the log.
    """

    def __init__(self, key: bytes, database: sqlite3.Connection) -> None:
        self._wrapping = AESGCM(key)
        self._database = database
        self._rings: dict[tuple[str, ...], KeyRing] = {}
        self.state = 0
        row = database.execute(_BY_SUBJECT, (_SEARCH,)).fetchone()
        self._search = secrets.token_bytes(SECRET_BYTES) if row is None else self._unwrap(*row)
        self._is_stored = row is not None
        # A term is wanted for every record, and there are far fewer terms than records.
        self.term = lru_cache(maxsize=_MOST_CACHED)(self._term)

    def prepare(self) -> None:
        """Keep the key of the index; called by the writer, within a transaction."""
        if not self._is_stored:
            self._database.execute(_INSERT, (_SEARCH_ID, _SEARCH, self._wrap(_SEARCH_ID, self._search)))
            self._is_stored = True

    def keys_for(self, subjects: tuple[str, ...]) -> KeyRing:
        """The keys of the subjects, each made when it is first needed; called by the writer, within a transaction."""
        ring = self._rings.get(subjects)
        if ring is None:
            if len(self._rings) >= _MOST_CACHED:
                self._rings.clear()
            ring = self._rings[subjects] = KeyRing.of([self._find_or_make(subject) for subject in subjects])
        return ring

    def at_hand(self, subjects: tuple[str, ...]) -> KeyRing | None:
        """The keys of the subjects, if they were used together before; the file is not asked."""
        return self._rings.get(subjects)

    def secret(self, key_id: bytes) -> bytes | None:
        """A key by its id; None if it is destroyed.

        Raises:
            ConfigurationError: it was wrapped by another key.
        """
        row = self._database.execute(_BY_ID, (key_id,)).fetchone()
        return None if row is None else self._unwrap(key_id, row[0])

    def has_key(self, subject: str) -> bool:
        """Whether anything is sealed to a subject that could still be opened."""
        return self._database.execute(_BY_SUBJECT, (self.term(subject),)).fetchone() is not None

    def destroy(self, subject: str) -> None:
        """Destroy a subject's key; called by the writer, within a transaction."""
        self._rings.clear()
        self.state += 1
        self._database.execute("DELETE FROM sealing_keys WHERE subject = ?", (self.term(subject),))

    def forget(self) -> None:
        """Forget what may not have been committed."""
        self._rings.clear()
        self.state += 1

    def _find_or_make(self, subject: str) -> SealingKey:
        row = self._database.execute(_BY_SUBJECT, (self.term(subject),)).fetchone()
        if row is None:
            key = SealingKey(secrets.token_bytes(KEY_ID_BYTES), secrets.token_bytes(SECRET_BYTES))
            self._database.execute(_INSERT, (key.id, self.term(subject), self._wrap(key.id, key.secret)))
            return key
        return SealingKey(row[0], self._unwrap(*row))

    def _term(self, word: str) -> bytes:
        """A word as the index holds it: without the key nobody can look for it."""
        return hmac.digest(self._search, word.encode(), "sha256")[:TERM_BYTES]

    def _wrap(self, key_id: bytes, secret: bytes) -> bytes:
        nonce = secrets.token_bytes(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, secret, key_id)

    def _unwrap(self, key_id: bytes, wrapped: bytes) -> bytes:
        try:
            return self._wrapping.decrypt(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:], key_id)
        except (InvalidTag, ValueError) as err:
            raise ConfigurationError(
                "expected the key that wraps the log's sealing keys, found another", code="wrong_record_key"
            ) from err


def _has_keys(log: Path) -> bool:
    if not log.exists():
        return False
    with closing(sqlite3.connect(log, isolation_level=None)) as database:
        try:
            return database.execute("SELECT 1 FROM sealing_keys LIMIT 1").fetchone() is not None
        except sqlite3.Error:
            return False  # of an earlier form; or damaged, and then the writer says so
