"""What a signatory agrees to by signing an attestation, by version. A wording that has been signed never changes."""

from collections.abc import Mapping

CURRENT_STATEMENT = "2026-06"
"""The version that is signed now."""

STATEMENTS: Mapping[str, str] = {
    "2026-06": """\
By signing an attestation with its key, the organization states to the provider that:

1. it has checked, on the date and by the method named in the attestation, whether the
   person behind the pseudonym is a "foreign person" as 15 CFR 772.1 defines it, and the
   answer is the one that is attested;
2. where it attests that somebody is a foreign person and names countries, these are
   citizenships or permanent residencies that the person holds, and there may be more;
3. it asked for no more than the answer needs, and no Form I-9 was used for it;
4. it will attest anew without delay when it learns that an answer was wrong or has
   changed, and when the person no longer works for it or belongs to it;
5. whoever signs has been given the authority to do so for the organization.
""",
}
"""Every version, oldest first."""
