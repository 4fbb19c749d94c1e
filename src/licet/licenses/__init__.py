"""The agency's leave: licenses, and what each covers."""

from licet.licenses.license import Claimant, Holder, License, covers, holder_of_organization, holder_of_person

__all__ = ["Claimant", "Holder", "License", "covers", "holder_of_organization", "holder_of_person"]
