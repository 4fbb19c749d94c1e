"""The one family of exceptions that crosses a room's border.

    LicetError
    ├── InputError            the caller sent something that cannot be read
    │   ├── NaiveInstantError     a datetime without a UTC offset
    │   └── DocumentError         a file is wrong at a line
    ├── TrustError            a signature, key, audience or nonce does not verify
    │   ├── EvidenceError         evidence that must not be believed
    │   └── CallerError           credentials that tell nobody
    ├── StaleError            a premise is too old to rely on
    ├── ConflictError         someone wrote first, or the state forbids it
    │   └── NotFoundError         the thing named does not exist
    ├── PermissionDeniedError an act that is not for whoever asks
    ├── UnavailableError      a dependency did not answer
    └── ConfigurationError    refuse to start

A refusal of a request is an answer, not an exception.
Each error has a stable `code` for machines. Messages are lowercase, have no
final stop, put user data in backticks and say what was expected first.
"""

from typing import NamedTuple


class LicetError(Exception):
    """Base of the family. `code` is stable; the message may be reworded."""

    code = "licet_error"

    def __init__(self, message: str, *, code: str | None = None) -> None:
        super().__init__(message)
        if code is not None:
            self.code = code


class InputError(LicetError):
    """The caller sent something that cannot be read."""

    code = "invalid_input"


class NaiveInstantError(InputError):
    """An instant has no UTC offset."""

    code = "naive_instant"


class Fault(NamedTuple):
    """One mistake in a document: where it is and what was expected there."""

    line: int
    path: str
    message: str

    def __str__(self) -> str:
        """Say it the way compilers do: line, place, message."""
        return f"line {self.line}, `{self.path}`: {self.message}"


class DocumentError(InputError):
    """A file is wrong; every fault found is listed, with its line."""

    code = "invalid_document"

    def __init__(self, name: str, faults: tuple[Fault, ...]) -> None:
        super().__init__(f"`{name}` is not valid: " + "; ".join(map(str, faults)))
        self.name = name
        self.faults = faults


class TrustError(LicetError):
    """A signature, key, audience or nonce does not verify."""

    code = "untrusted"


class EvidenceError(TrustError):
    """Evidence that must not be believed; `code` says which check failed."""

    code = "evidence_refused"


class CallerError(TrustError):
    """The credentials of a request do not say whose it is; `challenge` says what would (RFC 9110, 11.6.1).

    `nonce` is what the next proof of possession must hold (RFC 9449, section 9).
    """

    code = "invalid_api_key"

    def __init__(
        self, message: str, *, code: str | None = None, challenge: str | None = None, nonce: str | None = None
    ) -> None:
        super().__init__(message, code=code)
        self.challenge = challenge
        self.nonce = nonce


class StaleError(LicetError):
    """A premise is too old to rely on."""

    code = "stale"


class ConflictError(LicetError):
    """Someone wrote first, or the present state forbids the act."""

    code = "conflict"


class NotFoundError(ConflictError):
    """The thing named does not exist."""

    code = "not_found"


class PermissionDeniedError(LicetError):
    """Whoever asks is known, and the act is not theirs."""

    code = "not_permitted"


class UnavailableError(LicetError):
    """A dependency did not answer in time."""

    code = "unavailable"


class ConfigurationError(LicetError):
    """The configuration is wrong, or would weaken a check: refuse to start."""

    code = "invalid_configuration"
