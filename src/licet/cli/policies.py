"""The policies that `licet prove` and `licet directive diff` are about: an instance's, or that of files."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from licet.cli.files import read_text
from licet.cli.instance import find_instance
from licet.cli.usage import UsageError
from licet.directives import (
    PolicyBundle,
    Setting,
    from_document,
    parse_directive,
    read_value,
    supersede,
)
from licet.errors import InputError
from licet.fleet import Clock
from licet.law import read_country_groups, read_law
from licet.terms import ItemId, parse_instant

_NEVER_STALE = timedelta(days=1)
_BY, _REASON = "licet", "tried from a file"


def instant(text: str | None) -> datetime:
    """The instant that was typed, or now."""
    return Clock().now() if text is None else parse_instant(text)


def bundle_of_instance(directory: Path | None) -> PolicyBundle:
    """The policy in force at an instance.

    Raises:
        LicetError: the instance did not answer.
    """
    return PolicyBundle.from_value(find_instance(directory).get("/policy"))


def empty_bundle(at: datetime) -> PolicyBundle:
    """A policy without directives, under the default readings and the dated data that is shipped."""
    return PolicyBundle(0, at, at + _NEVER_STALE, (), (), frozenset())


def bundle_of_files(paths: Sequence[Path], at: datetime) -> PolicyBundle:
    """A policy of directive files, each superseding those it names, as if activated in the order of effect.

    Raises:
        DocumentError: a file is not valid.
        InputError: two files hold one directive, or one cannot supersede another.
    """
    groups = read_country_groups()
    found: dict[str, Mapping[str, Any]] = {}
    for path in paths:
        document = parse_directive(read_text(path), str(path), groups, None)
        if document["id"] in found:
            raise InputError(f"expected each directive once, found `{document['id']}` again in `{path}`")
        found[document["id"]] = document
    for document in sorted(found.values(), key=lambda one: from_document(one).effective_at):
        successor = from_document(document)
        for predecessor in sorted(successor.supersedes & found.keys()):
            found[predecessor] = supersede(found[predecessor], successor)
    return with_documents(empty_bundle(at), tuple(found.values()))


def with_documents(bundle: PolicyBundle, documents: tuple[Mapping[str, Any], ...]) -> PolicyBundle:
    """The same readings and dated data over these directives alone."""
    pinned = frozenset(ItemId(item["id"]) for document in documents for item in document["items"])
    return replace(bundle, documents=documents, pinned=pinned)


def with_readings(bundle: PolicyBundle, readings: Mapping[str, Any], at: datetime) -> PolicyBundle:
    """The same directives and dated data under other readings; those not named stay.

    Raises:
        InputError: no such parameter, or none of its values.
    """
    settings = {setting.name: setting for setting in bundle.settings}
    for name, value in readings.items():
        spelled = str(value).lower() if isinstance(value, bool) else str(value)
        settings[name] = Setting(name, read_value(name, spelled), _BY, at, _REASON)
    return replace(bundle, settings=tuple(settings.values()))


def readings_typed(texts: Sequence[str]) -> dict[str, str]:
    """Readings as typed: NAME=VALUE each."""
    found = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise UsageError(f"expected --parameter NAME=VALUE, found `{text}`")
        found[name] = value
    return found


def read_directive(path: Path, bundle: PolicyBundle) -> Mapping[str, Any]:
    """A directive file, checked against the country groups of a policy.

    Raises:
        DocumentError: it is not valid.
    """
    return parse_directive(read_text(path), str(path), read_law(bundle.law).groups, None)
