"""The review window: documents on the disk, each under a key of its own, until they are destroyed.

A document is destroyed by its key: that is overwritten and gone before the ciphertext
is. Whatever a crash leaves is one of two things: a key without a document, or a document
that nobody can open; both are cleared away at the next look.
"""

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from licet.errors import NotFoundError, UnavailableError
from licet.terms import require_id

_NONCE_BYTES = 12
_KEY_BITS = 256


class ReviewWindow:
    """Where the documents are.

    Args:
        directory: For them alone; nothing that copies an instance goes there.
    """

    def __init__(self, directory: Path) -> None:
        self._keys = directory / "keys"
        self._sealed = directory / "sealed"
        self._folders = (directory, self._keys, self._sealed)

    def keep(self, document: str, content: bytes, at: datetime) -> None:
        """Seal a document.

        Raises:
            UnavailableError: it cannot be kept; then nothing of it is.
        """
        require_id(document, "a document")
        key, nonce = AESGCM.generate_key(_KEY_BITS), secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + AESGCM(key).encrypt(nonce, content, document.encode())
        with _explained("kept"):
            for folder in self._folders:
                folder.mkdir(mode=0o700, exist_ok=True)
            try:
                _write(self._keys / document, key, at)
                _write(self._sealed / document, sealed, at)
            except OSError:
                self.destroy(document)
                raise

    def open(self, document: str) -> bytes:
        """A document as it was handed in.

        Raises:
            NotFoundError: it is gone.
            UnavailableError: it cannot be read.
        """
        require_id(document, "a document")
        try:
            key, sealed = (self._keys / document).read_bytes(), (self._sealed / document).read_bytes()
            return AESGCM(key).decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], document.encode())
        except (FileNotFoundError, InvalidTag, ValueError) as err:
            raise NotFoundError(f"expected a document that is held, found `{document}`", code="document_gone") from err
        except OSError as err:
            raise _unavailable("read", err) from err

    def destroy(self, document: str) -> None:
        """Destroy a document: its key first, for good, and then what it opened. Once more does nothing.

        Raises:
            UnavailableError: it cannot be destroyed.
        """
        require_id(document, "a document")
        with _explained("destroyed"):
            _overwrite(self._keys / document)
            for folder in (self._keys, self._sealed):
                (folder / document).unlink(missing_ok=True)
                _settle(folder)

    def held(self) -> dict[str, datetime]:
        """Whatever is there of any document, and since when.

        Raises:
            UnavailableError: nobody can say.
        """
        found: dict[str, datetime] = {}
        with _explained("listed"):
            for folder in (self._keys, self._sealed):
                for path in folder.glob("*"):
                    since = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    found[path.name] = min(since, found.get(path.name, since))
        return found

    def size(self) -> int:
        """How many bytes are held.

        Raises:
            UnavailableError: nobody can say.
        """
        with _explained("listed"):
            return sum(path.stat().st_size for path in self._sealed.glob("*"))


def _write(path: Path, content: bytes, at: datetime) -> None:
    """On the disk, readable by its owner only, and dated by the instant that is counted from."""
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
        file.flush()
        os.utime(file.fileno(), (at.timestamp(), at.timestamp()))
        os.fsync(file.fileno())
    _settle(path.parent)


def _overwrite(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            file.write(bytes(path.stat().st_size))
            file.flush()
            os.fsync(file.fileno())
    except FileNotFoundError:
        return


def _settle(folder: Path) -> None:
    """Have the folder itself on the disk."""
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(number)
    finally:
        os.close(number)


@contextmanager
def _explained(what: str) -> Iterator[None]:
    try:
        yield
    except OSError as err:
        raise _unavailable(what, err) from err


def _unavailable(what: str, err: OSError) -> UnavailableError:
    return UnavailableError(f"the document cannot be {what}: {err.strerror}", code="window_failed")
