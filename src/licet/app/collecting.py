"""Collect what witnesses sign of the log, beside everything else: nobody waits for it.

Only the witnesses that the configuration names are asked: no redirect is followed,
no proxy of the environment is used, and an answer is read no further than it may be
long. What was collected is a file beside the log, replaced whole; receipts are made
under it as far as it reaches.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from licet.app.witness_address import WitnessAddress
from licet.errors import InputError, LicetError, TrustError, UnavailableError
from licet.logwriter import LogReader, database_path, open_reader, policy_path, witnessed_path
from licet.receipts import Policy, ReceiptError, Signature, VerifierKey, verify_checkpoint
from licet.records.tlog import (
    AddCheckpoint,
    Checkpoint,
    TileName,
    consistency_proof,
    nodes_from,
    parse_cosignatures,
    parse_size,
    read_checkpoint,
    read_policy,
    spell_signature,
)

_LOG = logging.getLogger(__name__)
_INTERVAL_S = 0.5
_TIMEOUT = aiohttp.ClientTimeout(total=10.0)
_MAX_ANSWER_BYTES = 65_536
_OK, _CONFLICT = 200, 409


class Witnesses:
    """Asks every witness for its cosignature of each new checkpoint.

    Args:
        directory: The instance's directory.
        addresses: Whom to ask.
    """

    def __init__(self, directory: Path, addresses: Sequence[WitnessAddress]) -> None:
        self._directory = directory
        self._addresses = addresses
        self._sizes: dict[str, int] = {}
        self._done = -1

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Ask for as long as the block runs."""
        if not self._addresses:
            yield
            return
        async with aiohttp.ClientSession(timeout=_TIMEOUT, trust_env=False) as session:
            task = asyncio.create_task(self._ask_forever(session))
            try:
                yield
            finally:
                task.cancel()
                await asyncio.wait({task})

    async def _ask_forever(self, session: aiohttp.ClientSession) -> None:
        while True:
            try:
                await self._ask_all(session)
            except Exception:  # noqa: BLE001  # a task that ends would never ask again
                _LOG.exception("the log's checkpoint could not be brought to its witnesses")
            await asyncio.sleep(_INTERVAL_S)

    async def _ask_all(self, session: aiohttp.ClientSession) -> None:
        note = await asyncio.to_thread(self._note)
        checkpoint = read_checkpoint(note)
        if checkpoint.size == self._done:
            return
        answers = await asyncio.gather(*(self._ask(session, one, note, checkpoint) for one in self._addresses))
        signatures = [signature for signature in answers if signature is not None]
        if signatures:
            content = note + "".join(map(spell_signature, signatures))
            await asyncio.to_thread(self._keep, content)
        # Until all have answered, they are asked again.
        self._done = checkpoint.size if len(signatures) == len(answers) else -1

    async def _ask(
        self, session: aiohttp.ClientSession, witness: WitnessAddress, note: str, checkpoint: Checkpoint
    ) -> Signature | None:
        """One witness's signature; None if it does not give it now."""
        try:
            status, answer = await self._try(session, witness, note, checkpoint)
            if status == _CONFLICT:
                # It has signed another size than we know, such as before our last start.
                self._sizes[witness.url] = parse_size(answer)
                status, answer = await self._try(session, witness, note, checkpoint)
            if status != _OK:
                raise UnavailableError(f"it answered `{status}`: {answer[:200].decode(errors='replace').strip()}")
            signature = _own_signature(answer, witness.key, checkpoint)
        except (LicetError, aiohttp.ClientError, TimeoutError) as err:
            _LOG.warning("the witness `%s` gives no cosignature of size %d: %s", witness.key.name, checkpoint.size, err)
            return None
        self._sizes[witness.url] = checkpoint.size
        return signature

    async def _try(
        self, session: aiohttp.ClientSession, witness: WitnessAddress, note: str, checkpoint: Checkpoint
    ) -> tuple[int, bytes]:
        old = min(self._sizes.get(witness.url, 0), checkpoint.size)
        request = await asyncio.to_thread(self._request, old, note, checkpoint)
        async with session.post(
            f"{witness.url}/add-checkpoint", data=request.to_bytes(), allow_redirects=False
        ) as response:
            return response.status, await response.content.read(_MAX_ANSWER_BYTES)

    def _note(self) -> str:
        with open_reader(database_path(self._directory)) as reader:
            return reader.checkpoint()

    def _request(self, old: int, note: str, checkpoint: Checkpoint) -> AddCheckpoint:
        with open_reader(database_path(self._directory)) as reader:
            return AddCheckpoint(old, _consistency(reader, old, checkpoint.size), note)

    def _keep(self, content: str) -> None:
        """Replace what was collected before, unless that meets the trust file's quorum and this does not."""
        path = witnessed_path(database_path(self._directory))
        policy = read_policy(policy_path(self._directory).read_bytes())
        if _is_met(path, policy) and not _meets(content, policy):
            return
        fresh = path.with_suffix(".new")
        fresh.write_text(content, encoding="utf-8")
        fresh.replace(path)


def _consistency(reader: LogReader, old: int, size: int) -> tuple[bytes, ...]:
    nodes = nodes_from(lambda level, number: reader.tile(TileName(level, number)))
    return consistency_proof(nodes, old, size)


def _own_signature(answer: bytes, key: VerifierKey, checkpoint: Checkpoint) -> Signature:
    """The witness's signature among those it answered with, verified.

    Raises:
        InputError: there is none of its key.
        TrustError: it does not verify.
    """
    for signature in parse_cosignatures(answer):
        if (signature.name, signature.key_id) == (key.name, key.id):
            try:
                key.verify(signature.value, checkpoint)
            except ReceiptError as err:
                raise TrustError(str(err), code="bad_cosignature") from err
            return signature
    raise InputError(f"expected a cosignature of `{key.name}`, found none")


def _is_met(path: Path, policy: Policy) -> bool:
    try:
        return _meets(path.read_text(encoding="utf-8"), policy)
    except OSError:
        return False


def _meets(content: str, policy: Policy) -> bool:
    try:
        verify_checkpoint(content, policy)
    except ReceiptError:
        return False
    return True
