"""The agency's leave: licenses, and what each covers."""

from licet.licenses.license import (
    DIRECTIVE,
    Claim,
    Claimant,
    Holder,
    License,
    covers,
    holder_of_organization,
    holder_of_person,
)

__all__ = [
    "DIRECTIVE",
    "Claim",
    "Claimant",
    "Holder",
    "License",
    "covers",
    "holder_of_organization",
    "holder_of_person",
]
