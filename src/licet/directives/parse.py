"""Parse a directive file: its shape by the published schema, its sense by the checks here."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import product
from typing import Any

import jsonschema

from licet.directives.directive import (
    AllForeignPersons,
    Directive,
    DirectiveRelation,
    DirectiveStatus,
    Exemption,
    Form,
    NationalsOfGroups,
    Persons,
    Reach,
    RelationKind,
    Supersession,
)
from licet.directives.document import Document, Path, read_document
from licet.errors import DocumentError, Fault, InputError
from licet.items import Catalogue
from licet.law import CountryGroups
from licet.terms import Act, DirectiveId, Disclosure, ItemId, OrganizationId, parse_instant

INSTANTS = ("received_at", "comply_by", "effective_at", "lifted_at", "appeal_by")


def directive_schema() -> dict[str, Any]:
    """The published JSON Schema of a directive file."""
    schema: dict[str, Any] = json.loads(
        files("licet.directives").joinpath("directive.schema.json").read_text(encoding="utf-8")
    )
    return schema


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What a directive may name at an instance: items of the catalogue, and organizations."""

    catalogue: Catalogue
    organizations: frozenset[OrganizationId]


def parse_directive(text: str, name: str, groups: CountryGroups, enrolled: Enrolled | None) -> Mapping[str, Any]:
    """Read and check a directive file; give back its document.

    Args:
        text: The file's text, YAML.
        name: What to call the file in messages.
        groups: The country groups a `persons` scope may name.
        enrolled: The items and organizations it may name; None where no instance is
            at hand, and then those names are not checked.

    Raises:
        DocumentError: every fault found, each with its line.
    """
    document = read_document(text, name)
    faults = sorted(_shape_faults(document), key=lambda fault: fault.line)
    if not faults:
        faults = sorted(_sense_faults(document, groups, enrolled), key=lambda fault: fault.line)
    if faults:
        raise DocumentError(name, tuple(faults))
    value: Mapping[str, Any] = document.value  # type: ignore[assignment]  # the schema says it is an object
    return value


def from_document(document: Mapping[str, Any]) -> Directive:
    """Build the directive that a checked document describes.

    Raises:
        InputError: the document was not checked before, and is not valid.
    """
    try:
        return Directive(
            id=DirectiveId(document["id"]),
            issuer=document["issuer"],
            authority=tuple(document["authority"]),
            form=Form(document["form"]),
            status=DirectiveStatus(document["status"]),
            acts=frozenset(map(Act, document["acts"])),
            items=tuple(ItemId(item["id"]) for item in document["items"]),
            persons=_persons(document["persons"]),
            exemptions=tuple(map(_exemption, document.get("exemptions") or ())),
            received_at=parse_instant(document["received_at"]),
            effective_at=parse_instant(document["effective_at"]),
            comply_by=_instant(document, "comply_by"),
            appeal_by=_instant(document, "appeal_by"),
            lifted_at=_instant(document, "lifted_at"),
            superseded_by=_supersession(document.get("superseded_by")),
            relations=tuple(
                DirectiveRelation(RelationKind(x["kind"]), DirectiveId(x["directive"]))
                for x in document.get("relations") or ()
            ),
            disclosure=Disclosure(document.get("confidentiality") or Disclosure.PUBLIC),
            public_text=document.get("public_text"),
        )
    except (KeyError, TypeError, ValueError) as err:
        raise InputError(f"expected a checked directive document: {err}") from err


def _instant(document: Mapping[str, Any], name: str) -> Any:
    text = document.get(name)
    return None if text is None else parse_instant(text)


def _persons(value: Any) -> Persons:
    if value == "all_foreign_persons":
        return AllForeignPersons()
    return NationalsOfGroups(frozenset(value["nationals_of_groups"]))


def _exemption(value: Mapping[str, Any]) -> Exemption:
    return Exemption(
        frozenset(map(ItemId, value["items"])),
        frozenset(map(OrganizationId, value["organizations"])),
        frozenset(map(Reach, value["covers"])),
        parse_instant(value["from"]),
    )


def _supersession(value: Mapping[str, Any] | None) -> Supersession | None:
    return None if value is None else Supersession(DirectiveId(value["id"]), parse_instant(value["at"]))


@cache
def _validator() -> jsonschema.Draft202012Validator:
    return jsonschema.Draft202012Validator(directive_schema())


def _shape_faults(document: Document) -> Iterator[Fault]:
    for error in _validator().iter_errors(document.value):
        path: Path = tuple(error.absolute_path)
        if error.validator == "required":
            missing = [name for name in error.validator_value if name not in error.instance]
            yield from (document.fault(path, f"expected the member `{name}`, which is missing") for name in missing[:1])
        elif error.validator == "additionalProperties":
            known = error.schema["properties"]
            for name in (name for name in error.instance if name not in known):
                yield document.fault(
                    (*path, name), f"expected one of {', '.join(known)}, found the unknown member `{name}`"
                )
        elif error.validator == "enum":
            yield document.fault(path, f"expected one of {', '.join(error.validator_value)}, found `{error.instance}`")
        elif error.validator == "oneOf" and path == ("persons",):
            yield document.fault(
                path, "expected `all_foreign_persons` or `nationals_of_groups` with country groups such as `D:5`"
            )
        elif error.validator == "anyOf" or (
            error.validator == "pattern" and path and path[-1] in {*INSTANTS, "from", "at"}
        ):
            yield document.fault(path, f"expected an instant such as `2026-06-12T21:21:00Z`, found `{error.instance}`")
        else:
            yield document.fault(path, error.message)


def _sense_faults(document: Document, groups: CountryGroups, enrolled: Enrolled | None) -> Iterator[Fault]:
    faults = list(_instant_faults(document, document.value, ()))
    yield from faults
    if faults:
        return
    value: Any = document.value
    directive = from_document(value)
    yield from _order_faults(document, directive)
    for index, name in enumerate(
        value.get("persons", {}).get("nationals_of_groups", ()) if isinstance(value["persons"], dict) else ()
    ):
        if name not in groups.members:
            known = ", ".join(sorted(groups.members))
            yield document.fault(("persons", "nationals_of_groups", index), f"expected one of {known}, found `{name}`")
    yield from _item_faults(document, directive, None if enrolled is None else enrolled.catalogue)
    yield from _exemption_faults(document, directive, enrolled)
    for index, relation in enumerate(directive.relations):
        if relation.directive == directive.id:
            yield document.fault(("relations", index, "directive"), "expected another directive, found this one")
    if directive.superseded_by and directive.superseded_by.by == directive.id:
        yield document.fault(("superseded_by", "id"), "expected another directive, found this one")


def _instant_faults(document: Document, value: Any, path: Path) -> Iterator[Fault]:
    if isinstance(value, dict):
        for name, member in value.items():
            if isinstance(member, str) and (name in INSTANTS or name in {"from", "at"}):
                try:
                    parse_instant(member)
                except InputError as err:
                    yield document.fault((*path, name), str(err))
            else:
                yield from _instant_faults(document, member, (*path, name))
    elif isinstance(value, list):
        for index, member in enumerate(value):
            yield from _instant_faults(document, member, (*path, index))


def _order_faults(document: Document, directive: Directive) -> Iterator[Fault]:
    after_effect = {
        ("lifted_at",): directive.lifted_at,
        ("superseded_by", "at"): directive.superseded_by.at if directive.superseded_by else None,
    }
    for path, at in after_effect.items():
        if at is not None and at <= directive.effective_at:
            yield document.fault(path, f"expected an instant after `effective_at`, found `{at.isoformat()}`")
    after_receipt = {
        ("comply_by",): directive.comply_by,
        ("appeal_by",): directive.appeal_by,
        ("lifted_at",): directive.lifted_at,
    }
    for path, at in after_receipt.items():
        if at is not None and at < directive.received_at:
            yield document.fault(path, f"expected an instant not before `received_at`, found `{at.isoformat()}`")
    for index, exemption in enumerate(directive.exemptions):
        if exemption.starts >= directive.ends:
            yield document.fault(("exemptions", index, "from"), "expected a start before the directive ends")


def _item_faults(document: Document, directive: Directive, catalogue: Catalogue | None) -> Iterator[Fault]:
    seen: set[ItemId] = set()
    for index, item in enumerate(directive.items):
        if item in seen:
            yield document.fault(("items", index, "id"), f"expected each item once, found `{item}` again")
        seen.add(item)
        if catalogue is not None:
            resolved = catalogue.resolve(item)
            if resolved is None:
                yield document.fault(("items", index, "id"), f"expected an item of the catalogue, found `{item}`")
            elif resolved.id != item:
                yield document.fault(
                    ("items", index, "id"), f"expected the item's id `{resolved.id}`, found its alias `{item}`"
                )
    for index, exemption in enumerate(directive.exemptions):
        for name in sorted(exemption.items - seen):
            yield document.fault(
                ("exemptions", index, "items"), f"expected an item that this directive names, found `{name}`"
            )


def _exemption_faults(document: Document, directive: Directive, enrolled: Enrolled | None) -> Iterator[Fault]:
    """One organization is exempt for one item from one instant: two starts would contradict each other.

    An organization that nobody has enrolled is a slip of the pen, and would keep
    from somebody what the order gives them.
    """
    given: set[tuple[str, str, str]] = set()
    for index, exemption in enumerate(directive.exemptions):
        leave = set(product(exemption.items, exemption.organizations, exemption.covers))
        for item, organization, _ in sorted(leave & given)[:1]:
            message = f"expected each exemption once, found that `{organization}` is exempt for `{item}` already"
            yield document.fault(("exemptions", index), message)
        given |= leave
        for organization in sorted(exemption.organizations - enrolled.organizations) if enrolled else ():
            path = ("exemptions", index, "organizations")
            yield document.fault(path, f"expected an organization that is enrolled, found `{organization}`")
