"""The keys: every act of an operator, an officer or a caller, as a command."""

from licet.cli.root import main, run

__all__ = ["main", "run"]
