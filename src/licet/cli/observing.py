"""`licet directive observe` and `unobserve`: what a draft would have answered, beside what was answered."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from licet.cli.directives import send_file
from licet.cli.files import read_text
from licet.cli.instance import find_instance
from licet.cli.output import print_json, say
from licet.cli.tables import print_table, rows_table
from licet.cli.usage import UsageError
from licet.cli.wire import segment

_WOULD = ("would_refuse", "would_need_evidence", "would_permit", "would_refuse_otherwise")
_COLUMNS = ("difference", "item", "organization", "country", "decisions")


def observe(file: Path | None, parameter: str | None, *, report: bool, directory: Path | None, as_json: bool) -> None:
    """Begin to watch a draft, or report on those that are watched."""
    if (file is not None) + (parameter is not None) + report != 1:
        raise UsageError("expected one of FILE, --parameter NAME=VALUE and --report")
    instance = find_instance(directory)
    if report:
        _show(instance.get("/observations"), as_json=as_json)
        return
    if file is not None:
        begun = send_file(instance, "/observations", file, read_text(file))
    else:
        name, equals, value = str(parameter).partition("=")
        if not equals:
            raise UsageError(f"expected --parameter NAME=VALUE, found `{parameter}`")
        begun = instance.post("/observations", {"parameter": name, "value": value})
    said = [f"watching {begun['id']} beside every live decision; it enforces nothing", *_notes(begun)]
    say(begun, *said, as_json=as_json)


def unobserve(draft: str, *, directory: Path | None, as_json: bool) -> None:
    """Watch a draft no longer."""
    ended = find_instance(directory).post(f"/observations/{segment(draft)}/end", {})
    if as_json:
        print_json(ended)
    else:
        _show([ended], as_json=False)


def _show(reports: list[Mapping[str, Any]], *, as_json: bool) -> None:
    if as_json:
        print_json(reports)
    elif not reports:
        say(None, "no draft is watched", as_json=False)
    else:
        for report in reports:
            say(None, *_sentences(report), as_json=False)
            if report["rows"]:
                print_table(rows_table(report["rows"], _COLUMNS))


def _sentences(report: Mapping[str, Any]) -> Iterator[str]:
    yield f"{_called(report)}, beside {report['decisions']:,} decisions since {report['since']}:"
    for name in _WOULD:
        total = report[name]
        least = "at least " if total["at_least"] else ""
        yield f"  {name.replace('_', ' ')}: {total['decisions']:,} decisions, {least}{total['persons']:,} persons"
    yield f"  the same: {report['same']:,}; unknown: {report['unknown']:,}; errors: {report['errors']:,}"
    yield from _notes(report)


def _notes(report: Mapping[str, Any]) -> Iterator[str]:
    if report["missing_facts"]:
        missing = ", ".join(report["missing_facts"])
        yield f"  it turns on what no gateway knows ({missing}): what it would answer there is counted as unknown"
    if report["adopted_at"]:
        yield f"  it was adopted and is enforced; counting ended at {report['adopted_at']}"


def _called(report: Mapping[str, Any]) -> str:
    value = report["value"]
    if value is None:
        return str(report["id"])
    return f"{report['id']}={str(value).lower() if isinstance(value, bool) else value}"
