"""Who proves a policy for the desk, and keeps of each proof what the next may use."""

from datetime import datetime

from licet.directives import PolicyBundle, compile_policy
from licet.proofs import Kept, ProofReport, prove, shipped_invariants


class Prover:
    """Proves every shipped invariant over a policy, as of an instant."""

    def __init__(self) -> None:
        self._kept = Kept()

    def __call__(self, bundle: PolicyBundle, at: datetime) -> ProofReport:
        """Prove a bundle.

        Raises:
            LicetError: its content does not compile.
        """
        return prove(compile_policy(bundle), shipped_invariants(), at, kept=self._kept)
