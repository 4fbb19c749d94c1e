"""What a witness asks of a checkpoint before it signs that the log only ever grew.

Source: C2SP tlog-witness, "add-checkpoint"; the order of the checks is its own.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from licet.errors import ConflictError, NotFoundError, TrustError
from licet.receipts import Checkpoint, Policy, ReceiptError, verify_checkpoint
from licet.records.tlog.merkle import EMPTY_ROOT, verify_consistency
from licet.records.tlog.witness import AddCheckpoint


@dataclass(frozen=True, slots=True)
class Seen:
    """The last checkpoint of a log that a witness has signed."""

    size: int = 0
    root: bytes = EMPTY_ROOT


class OtherSizeError(ConflictError):
    """The witness has signed another size than the log believes, or another tree of that size."""

    code = "other_size"

    def __init__(self, size: int) -> None:
        super().__init__(f"expected a checkpoint that goes on from the size `{size}`")
        self.size = size


def growth(request: AddCheckpoint, logs: Mapping[str, Policy], seen: Seen) -> Checkpoint:
    """Check that a log has signed the checkpoint, and that it goes on from what was seen of it.

    Args:
        request: What is to be cosigned.
        logs: The trust file of each log the witness serves, by origin.
        seen: What was signed last of this log.

    Raises:
        NotFoundError: with the code `unknown_log`, the witness does not serve this log.
        TrustError: with the code `unsigned`, the log has not signed it; with
            `inconsistent`, the proof does not show that it goes on.
        OtherSizeError: it begins elsewhere, or forks.
    """
    claimed = request.checkpoint
    if claimed.origin not in logs:
        raise NotFoundError(f"this witness does not serve the log `{claimed.origin}`", code="unknown_log")
    try:
        checkpoint = verify_checkpoint(request.note, logs[claimed.origin]).checkpoint
    except ReceiptError as err:
        raise TrustError(str(err), code="unsigned") from err
    if request.old != seen.size or (checkpoint.size == seen.size and checkpoint.root != seen.root):
        raise OtherSizeError(seen.size)
    # An empty tree is the beginning of every other; there is nothing to prove.
    if seen.size or not checkpoint.size:
        verify_consistency(seen.size, checkpoint.size, request.proof, seen.root, checkpoint.root)
    return checkpoint
