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

    async def begin_sign_in(self, caller: Caller, issuer: str, *, nationalities: bool = False) -> tuple[str, str]:
        """Where to send the caller to sign in, and the state by which they will be known when they are back.

        Raises:
            LicetError: nobody signs in there from here, or not with this key, or not now.
        """
        ...

    async def finish_sign_in(self, caller: Caller, issuer: str, query: str, state: str) -> Enrolled:
        """Take the caller back from signing in, and bind what the issuer says of them to their party.

        Raises:
            LicetError: it is not they, or not believed, or cannot be asked now.
        """
        ...

    async def refer(self, caller: Caller, vendor: str) -> tuple[str, str | None]:
        """A reference of the caller's for a vendor, and where to begin with it, if that is known.

        Raises:
            LicetError: there is no such vendor, or the key gains no standing.
        """
        ...
