"""Under which words a record is found again, and which belong to one transaction.

Source: 15 CFR 762.4 and 762.7: records are kept so that they can be found and
produced, by party, country and document.
"""

from licet.records.record import Record, RecordKind

FINDABLE = ("party", "organization", "country", "document", "item", "decision", "outcome")
"""What a search may name."""

_PERSON = "person:"
_OF_DIRECTIVES = frozenset({"ReleaseFacts", "SendingFacts"})
_NAMED = (
    ("party", "party:"),
    ("organization", "organization:"),
    ("issuer", "organization:"),
    ("item", "item:"),
    ("outcome", "outcome:"),
    # Licenses, directives, accounts, holds: whatever has a number.
    ("license", "document:"),
    ("directive", "document:"),
    ("key", "document:"),
    ("hold", "document:"),
    # Of a hold or an erasure, which must stay when what it names is erased.
    ("subject", "subject:"),
)
_LISTED = (("items", "item:"), ("licenses", "document:"))


def terms_of(record: Record) -> frozenset[str]:
    """The words under which a record is indexed, each `NAME:VALUE`."""
    body = record.body
    # Every record passes here on its way to the disk, so this is written to be quick.
    found = {word + value for name, word in _NAMED if name in body and (value := body[name]) and isinstance(value, str)}
    for name, word in _LISTED:
        listed = body.get(name)
        if isinstance(listed, list):
            found.update([word + each for each in listed if _is_text(each)])
    place = body.get("country") or body.get("organized_under")
    if place and isinstance(place, str):
        # A place may be a state: `US-DE` is found under `US` too.
        found |= {f"country:{place}", f"country:{place.partition('-')[0]}"}
    requirements = body.get("requirements")
    if requirements:
        found.update([f"document:{name}" for name in _directives(requirements)])
    if "holders" in body:
        found |= {_holder(each) for each in _list(body["holders"]) if isinstance(each, str)}
    origin = origin_of(record)
    if origin is not None:
        found.add(f"decision:{origin}")
    return frozenset(found)


def links_of(record: Record) -> frozenset[str]:
    """The words that lead from a record to the rest of its transaction.

    A decision leads to its cuts and its later decisions, and to what was done with
    the licenses it relied on; a cut leads back to its decision by `origin_of`.
    """
    licenses = record.body.get("licenses")
    relied = licenses if isinstance(licenses, list) else ()
    return frozenset({f"decision:{record.id}", *(f"document:{each}" for each in relied)})


def origin_of(record: Record) -> str | None:
    """The id of the decision that a cut or a later decision belongs to."""
    found = record.body.get("decision" if record.kind is RecordKind.STREAM_CUT else "continues")
    return found if isinstance(found, str) else None


def _directives(requirements: object) -> set[str]:
    """Directives whose rules were judged; the standing rules are no documents."""
    judged = requirements if isinstance(requirements, list) else ()
    named = [each.get("requirement") for each in judged if isinstance(each, dict) and _is_of_directive(each)]
    return {name for name in named if isinstance(name, str)}


def _is_of_directive(requirement: dict[str, object]) -> bool:
    record = requirement.get("record")
    return isinstance(record, str) and record in _OF_DIRECTIVES


def _holder(holder: str) -> str:
    person = holder.startswith(_PERSON)
    return f"party:{holder.removeprefix(_PERSON)}" if person else f"organization:{holder}"


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value != ""


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
