"""The port: all that the gateway and the control plane know of the log."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Protocol

from licet.records.record import Record
from licet.terms import RecordId


@dataclass(frozen=True, slots=True)
class Receipt:
    """The log has the record on disk.

    Attributes:
        index: Its place in the log, from 0.
        hash_hex: The hash of its leaf in the log's tree, in lowercase hexadecimal.
    """

    record_id: RecordId
    index: int
    hash_hex: str


class Log(Protocol):
    """Where records go."""

    def append(self, record: Record) -> Awaitable[Receipt]:
        """Submit a record at once; who waits is given the receipt when it is on disk.

        Whoever waits no longer does not take the record back.

        Raises:
            InputError: (to who waits) the record cannot be written.
            ConflictError: another record has its id.
            UnavailableError: nothing says that it is on disk.
        """
        ...

    def post(self, record: Record) -> None:
        """Hand over a record for which nobody waits; how many may be lost is bounded.

        Raises:
            InputError: the record cannot be written.
        """
        ...
