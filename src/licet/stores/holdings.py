"""What is held about a party, and what an issuer has said: found among a million rows without reading them."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

from sqlalchemy import ColumnElement, Connection, Text, cast, func, select

from licet.decisions import Row, RowKind, decode_row
from licet.parties import IssuedKey, PartyLink, Standing
from licet.stores import schema
from licet.terms import PartyId

NOBODY: Mapping[str, str | None] = MappingProxyType({"owner": None, "source": None})
_AT_A_TIME = 1_000


def about(row: Row) -> Mapping[str, str | None]:
    """The values of a row's columns `owner` and `source`: whom it is about, and who issued it."""
    match row:
        case Standing():
            return {"owner": row.subject, "source": row.issuer}
        case PartyLink() | IssuedKey():
            return {"owner": row.party, "source": None}
        case _:
            return NOBODY


class Holdings:
    """Rows of one transaction by whom they are about and by who issued them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def standings(self, party: PartyId) -> list[Standing]:
        """What evidence has established about a party, oldest change first; also what no longer counts."""
        found = self._rows(RowKind.STANDING, schema.rows.c.owner == party)
        return [row for row in found if isinstance(row, Standing)]

    def standings_by(self, issuer: str) -> Iterator[Standing]:
        """What one issuer has said, one at a time."""
        for row in self._rows(RowKind.STANDING, schema.rows.c.source == issuer):
            if isinstance(row, Standing):
                yield row

    def people_of(self, issuer: str) -> int:
        """About how many parties an issuer has said something that was not withdrawn."""
        here = schema.rows.c.kind == RowKind.STANDING.value, schema.rows.c.source == issuer
        stands = func.json_extract(cast(schema.rows.c.body, Text), "$.withdrawn_at").is_(None)
        query = select(func.count(schema.rows.c.owner.distinct())).where(*here, stands)
        return int(self._connection.execute(query).scalar_one())

    def links(self, party: PartyId) -> list[PartyLink]:
        """The subjects of token issuers that are a party."""
        return [row for row in self._rows(RowKind.LINK, schema.rows.c.owner == party) if isinstance(row, PartyLink)]

    def _rows(self, kind: RowKind, wanted: ColumnElement[bool]) -> Iterator[Row]:
        here = schema.rows.c.kind == kind.value, wanted, schema.rows.c.body.is_not(None)
        query = select(schema.rows.c.body).where(*here).order_by(schema.rows.c.sequence)
        for body in self._connection.execute(query, execution_options={"yield_per": _AT_A_TIME}).scalars():
            yield decode_row(kind, body)
