"""The witness: signs that a log only ever grew, and remembers what it signed before it says so."""

from licet.witness.files import create_witness, read_witness
from licet.witness.ledger import Ledger
from licet.witness.server import Witness

__all__ = ["Ledger", "Witness", "create_witness", "read_witness"]
