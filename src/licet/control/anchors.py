"""Whose access tokens are believed, and whom their subjects are here: the acts about both."""

from datetime import datetime

from licet.control.act import Act, Intent
from licet.control.mandates import Effect
from licet.decisions import Row, RowKind
from licet.errors import ConflictError
from licet.parties import PartyLink, TokenIssuer, link_id
from licet.stores import Transaction
from licet.terms import KeyId, PartyId


class Anchors:
    """Issuers of tokens and links to parties. A subject is never on record: it may be somebody's address."""

    def __init__(self, pepper: bytes) -> None:
        self._pepper = pepper

    def add(self, by: str, issuer: TokenIssuer) -> Intent[Row]:
        """Believe an issuer's tokens about the subjects that are linked."""

        def change(tx: Transaction, at: datetime) -> Row:  # noqa: ARG001  # every change takes the instant
            others = [row for row in tx.every(RowKind.ISSUER) if isinstance(row, TokenIssuer)]
            if any(issuer.id == other.id or issuer.url == other.url for other in others):
                raise ConflictError(f"expected a new issuer, found that `{issuer.id}` exists", code="issuer_exists")
            tx.put(issuer)
            return issuer

        details = {
            "token_issuer": issuer.id,
            "url": issuer.url,
            "jwks_url": issuer.jwks_url,
            "audience": issuer.audience,
            "algorithms": list(issuer.algorithms),
        }
        return Intent(Act("issuer.add", by, details, Effect.LOOSENS), change)

    def remove(self, by: str, issuer: str) -> Intent[str]:
        """Believe an issuer no longer; its links go with it, so that another of that name begins with none."""

        def change(tx: Transaction, at: datetime) -> str:  # noqa: ARG001  # every change takes the instant
            tx.get(RowKind.ISSUER, issuer)
            for row in tx.every(RowKind.LINK):
                if isinstance(row, PartyLink) and row.issuer == issuer:
                    tx.remove(RowKind.LINK, row.id)
            tx.remove(RowKind.ISSUER, issuer)
            return issuer

        return Intent(Act("issuer.remove", by, {"token_issuer": issuer}, Effect.TIGHTENS), change)

    def link(self, by: str, party: PartyId, issuer: str, subject: str) -> Intent[Row]:
        """Say that an issuer's subject is a party."""
        row = PartyLink(link_id(self._pepper, issuer, subject), issuer, party)

        def change(tx: Transaction, at: datetime) -> Row:  # noqa: ARG001  # every change takes the instant
            tx.get(RowKind.ISSUER, issuer)
            tx.get(RowKind.PARTY, party)
            if tx.find(RowKind.LINK, row.id) is not None:
                raise ConflictError("expected a subject that is no party yet, found one that is", code="link_exists")
            tx.put(row)
            return row

        return Intent(Act("party.link", by, {"key": row.id, "token_issuer": issuer, "party": party}), change)

    def unlink(self, by: str, party: PartyId, issuer: str, subject: str) -> Intent[KeyId]:
        """End a link at once; answers that run under it are cut."""
        key = link_id(self._pepper, issuer, subject)

        def change(tx: Transaction, at: datetime) -> KeyId:  # noqa: ARG001  # every change takes the instant
            row = tx.get(RowKind.LINK, key)
            if not isinstance(row, PartyLink) or row.party != party:
                raise ConflictError(f"expected a subject that is `{party}`, found another", code="unknown_link")
            tx.remove(RowKind.LINK, key)
            return key

        details = {"key": key, "token_issuer": issuer, "party": party}
        return Intent(Act("party.unlink", by, details, Effect.TIGHTENS), change)
