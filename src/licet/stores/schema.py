"""The tables. SQLAlchemy 2 Core, so that SQLite and PostgreSQL share one code path."""

from sqlalchemy import Column, Index, Integer, LargeBinary, MetaData, String, Table, Text

metadata = MetaData()

meta = Table("meta", metadata, Column("name", String(64), primary_key=True), Column("value", Text, nullable=False))

rows = Table(
    "rows",
    metadata,
    Column("kind", String(16), primary_key=True),
    Column("key", String(128), primary_key=True),
    Column("sequence", Integer, nullable=False),
    # Null where the row is gone: a reader that catches up must learn of that too.
    Column("body", LargeBinary, nullable=True),
    # Whom a standing, a link or a key is about, and who issued a standing: what is asked for among a million.
    Column("owner", String(128), nullable=True),
    Column("source", String(128), nullable=True),
    Index("rows_by_sequence", "sequence", unique=True),
    Index("rows_by_owner", "kind", "owner"),
    Index("rows_by_source", "kind", "source"),
)

directives = Table(
    "directives",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("text", Text, nullable=False),
    Column("sha256", String(64), nullable=False),
    # The document as it now stands, with lift and supersession; the text never changes.
    Column("document", Text, nullable=False),
    Column("activated_at", String(40), nullable=False),
    Column("activated_by", String(64), nullable=False),
)

settings = Table(
    "settings",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("set_by", String(64), nullable=False),
    Column("set_at", String(40), nullable=False),
    Column("reason", Text, nullable=False),
)

law = Table(
    "law",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("document", Text, nullable=False),
    Column("set_by", String(64), nullable=False),
    Column("set_at", String(40), nullable=False),
)

pinned = Table("pinned", metadata, Column("item", String(128), primary_key=True))

administrators = Table(
    "administrators",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("token_sha256", String(64), nullable=False, unique=True),
    Column("roles", String(64), nullable=False),
    # Null where it was before that was kept.
    Column("added_at", String(40), nullable=True),
    Column("added_by", String(64), nullable=False),
    # A row stays when its token ends: a name is never given twice.
    Column("removed_at", String(40), nullable=True),
)

pending = Table(
    "pending",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("act", String(64), nullable=False),
    Column("arguments", Text, nullable=False),
    Column("meaning", Text, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("proposed_by", String(64), nullable=False),
    Column("proposed_at", String(40), nullable=False),
    Column("expires_at", String(40), nullable=False),
    Column("state", String(16), nullable=False),
    Column("decided_by", String(64), nullable=True),
    Column("decided_at", String(40), nullable=True),
    Column("reason", Text, nullable=True),
    Index("pending_by_state", "state"),
)

nonces = Table(
    "nonces",
    metadata,
    # Of the nonce, so that a copy of the store holds none that can be used.
    Column("sha256", String(64), primary_key=True),
    Column("key", String(64), nullable=False),
    Column("expires_at", String(40), nullable=False),
)

presented = Table(
    "presented",
    metadata,
    Column("issuer", String(64), primary_key=True),
    Column("jti", String(128), primary_key=True),
    Column("expires_at", String(40), nullable=False),
)

inquiries = Table(
    "inquiries",
    metadata,
    # Of the reference, so that a copy of the store holds none that can be used.
    Column("sha256", String(64), primary_key=True),
    Column("vendor", String(64), nullable=False),
    Column("party", String(64), nullable=False),
    Column("key", String(64), nullable=False),
    Column("begun_at", String(40), nullable=False),
    # Null until the vendor has said something that counted.
    Column("latest_at", String(40), nullable=True),
    Column("latest_event", String(64), nullable=True),
    Index("inquiries_by_party", "party"),
)

policies = Table(
    "policies",
    metadata,
    # Every content that ever was in force, so that a past decision can be made again.
    Column("digest", String(64), primary_key=True),
    Column("bundle", Text, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    # Records of acts that have taken effect, until the log has them.
    Column("record", String(64), primary_key=True),
    Column("entry", LargeBinary, nullable=False),
)

reviews = Table(
    "reviews",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("party", String(128), nullable=False),
    Column("is_open", Integer, nullable=False),
    Column("has_message", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("reviews_by_party", "party"),
    Index("reviews_by_state", "is_open"),
)

review_documents = Table(
    "review_documents",
    metadata,
    # What is known of a document; the document itself is in no table.
    Column("id", String(64), primary_key=True),
    Column("review", String(64), nullable=False),
    Column("is_held", Integer, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Index("review_documents_by_review", "review"),
    Index("review_documents_held", "is_held"),
)
