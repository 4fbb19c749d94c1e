"""The port: all that the doors know of who keeps nonces and standings."""

from typing import Protocol

from licet.decisions import Caller
from licet.parties.evidence import Enrolled, Nonce


class Registrar(Protocol):
    """Who keeps them."""

    async def issue_nonce(self, caller: Caller) -> Nonce:
        """Make a nonce for the caller's key.

        Raises:
            ConflictError: the key holds too many already.
            UnavailableError: the store did not answer.
        """
        ...

    async def enroll(self, caller: Caller, kind: str, payload: bytes) -> Enrolled:
        """Verify evidence and bind the standing to the caller's party.

        Raises:
            InputError: the key is not of one party, or the kind is unknown.
            EvidenceError: the evidence must not be believed.
            ConflictError: a later attestation of the same issuer stands.
            UnavailableError: the store or the log did not answer.
        """
        ...
