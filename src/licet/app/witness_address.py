"""A witness of the log, as the configuration names it."""

from dataclasses import dataclass

from licet.receipts import VerifierKey


@dataclass(frozen=True, slots=True)
class WitnessAddress:
    """A witness that the configuration names: its public key, and the URL below which it answers."""

    key: VerifierKey
    url: str
