"""The log and the store of an instance, as commands read them from their files."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from licet.cli.instance import find_directory
from licet.cli.usage import UsageError
from licet.logwriter import LogReader, open_reader, read_record_key, record_key_path

if TYPE_CHECKING:
    from licet.stores import Store


def open_log(log: Path, directory: Path | None) -> LogReader:
    """Open a log, and its sealed records where the instance's key for them is at hand.

    Raises:
        UnavailableError: there is no log, or it cannot be read.
        ConfigurationError: others may read the key.
    """
    try:
        found = find_directory(directory)
    except UsageError:
        return open_reader(log)
    return open_reader(log, read_record_key(found) if record_key_path(found).exists() else None)


@contextmanager
def store_of(directory: Path) -> Iterator["Store"]:
    """An instance's store, to be read."""
    # They load the servers and the database's library, for which most commands need not wait.
    from licet.app import read_config  # noqa: PLC0415  # see above
    from licet.stores import Store  # noqa: PLC0415  # see above

    store = Store(read_config(directory / "licet.toml").store_url)
    try:
        yield store
    finally:
        store.close()


def organization_id(name: str, directory: Path | None) -> str:
    """The id of an organization that is named by its id or its enrolled name; what is neither is taken for an id."""
    try:
        found = find_directory(directory)
    except UsageError:
        return name
    from licet.app.reading import organization_named  # noqa: PLC0415  # as above

    with store_of(found) as store, store.read() as tx:
        return organization_named(tx, name)


def single_person(directory: Path | None) -> bool:
    """Whether the instance, if one is named, lets one administrator loosen alone."""
    try:
        found = find_directory(directory)
    except UsageError:
        return False
    with store_of(found) as store, store.read() as tx:
        return tx.single_person
