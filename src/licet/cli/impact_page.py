"""The page of `licet impact --html`: one file, with its chart inside, that needs no network."""

import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from html import escape
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from licet.errors import ConfigurationError

_BANDS = {"verified": "verified", "inferred": "inferred (estimate)", "unknown": "unknown"}
_OUTCOMES = {
    "permit": "served",
    "license_required": "license required",
    "deny": "denied",
    "needs_evidence": "asked for evidence",
}
# Told apart without color too: each has its own hatch.
_LOOKS = {
    "permit": ("#b7d7c2", ""),
    "license_required": ("#c9503c", "//"),
    "deny": ("#5a1f1a", "xx"),
    "needs_evidence": ("#e3c15b", ".."),
}
_REACHED = {
    "loses_verified": "lose access, verified",
    "loses_inferred": "probably lose access (estimate)",
    "loses_unknown": "lose access until they show who they are",
    "asked": "asked, and probably have access back (estimate)",
    "loses_nothing": "lose nothing",
}
_COLUMNS = (
    "item",
    "band",
    "answer",
    "persons",
    "of them served today and not then",
    "machines of",
    "organizations",
    "countries",
)
_STYLE = """
body { font: 1rem/1.5 system-ui, sans-serif; color: #1a1a1a; background: #fff; max-width: 60rem; margin: 2rem auto;
  padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; }
caption { text-align: left; font-weight: 600; padding: .25rem 0; }
th, td { border-bottom: 1px solid #767676; padding: .25rem .75rem; text-align: right; }
th[scope=row], thead th:first-child, td.word { text-align: left; }
figure { margin: 1rem 0; }
figure svg { max-width: 100%; height: auto; }
@media print { body { max-width: none; margin: 0; font-size: 10pt; } table, figure { break-inside: avoid; } }
"""


def require_charts() -> None:
    """Refuse early, before a million parties are read, where there is nothing to draw with.

    Raises:
        ConfigurationError: the extra is not installed.
    """
    if find_spec("matplotlib") is None:
        raise ConfigurationError(
            "expected matplotlib for the chart, found none: install it with `pip install licet[charts]`",
            code="extra_missing",
        )


def page_of(value: Mapping[str, Any]) -> str:
    """The whole page."""
    title = f"Impact of {escape(value['draft'])}"
    summary = (
        f"As if it were in force on {escape(value['at'])}: what {value['persons']:,} known persons and the machines "
        f"of {value['organizations']:,} organizations would be answered. licet gives no legal advice."
    )
    notice = [f"<p><strong>{escape(value['notice'])}</strong></p>"] if value.get("notice") else []
    body = "\n".join([f"<h1>{title}</h1>", *notice, f"<p>{summary}</p>", *_sections(value), _READING])
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n{body}\n</main>\n</body>\n</html>\n"
    )


def _sections(value: Mapping[str, Any]) -> Iterator[str]:
    persons, machines = value["persons_reached"], value["organizations_reached"]
    yield "<h2>Persons</h2>"
    rows = ((words, persons[name], machines[name]) for name, words in _REACHED.items())
    heads = ("", "persons", "machines of organizations")
    yield _table("What becomes of them over all items; each is counted once, by the surest loss", heads, rows)
    yield "<h2>By item</h2>"
    yield _figure(value)
    yield _table("The same in numbers", _COLUMNS, map(_numbers, value["rows"]), words=3)
    yield "<h2>By country</h2>"
    rows = ((row["country"] or "none is stated", *(row[name] for name in _REACHED)) for row in value["countries"])
    yield _table("Persons by the country of their organization or bills", ("country", *_REACHED.values()), rows)
    yield "<h2>Answers being given</h2>"
    yield _running(value)


_READING = """<h2>How to read this</h2>
<dl>
<dt>verified</dt><dd>What evidence and enrollment have established. It is the answer that would be given.</dd>
<dt>inferred (estimate)</dt><dd>Nobody has shown who the person is. The answer is the one that they would get if they
were of the country of their organization, or of their bills. It is an estimate, and nothing is ever decided on it:
until they show who they are, they are asked for evidence.</dd>
<dt>unknown</dt><dd>Neither evidence nor a place says anything, or they disagree. They are asked for evidence.</dd>
</dl>"""


def _numbers(row: Mapping[str, Any]) -> tuple[object, ...]:
    return (
        row["item"],
        _BANDS[row["band"]],
        _OUTCOMES[row["outcome"]],
        row["persons"],
        row["persons_losing"],
        row["machines_of"],
        row["organizations"],
        row["countries"],
    )


def _running(value: Mapping[str, Any]) -> str:
    rows = value["running_answers"]
    if rows is None:
        return "<p>The instance was not running, so nothing is known of answers being given.</p>"
    if not rows:
        return "<p>No answer was being given.</p>"
    return _table(
        f"{value['running_answers_cut']:,} would be cut",
        ("item", "answer", "answers being given"),
        ((row["item"], _OUTCOMES[row["outcome"]], row["answers"]) for row in rows),
        words=2,
    )


def _table(caption: str, heads: Sequence[str], rows: Iterable[Sequence[object]], words: int = 1) -> str:
    """A table whose first column names its rows; `words` columns are words and the others numbers."""
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in heads)
    body = "\n".join(f"<tr>{_cells(row, words)}</tr>" for row in rows)
    caption = f"<caption>{escape(caption)}</caption>"
    return f"<table>{caption}\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody></table>"


def _cells(row: Sequence[object], words: int) -> str:
    first, *rest = row
    cells = [f'<th scope="row">{_cell(first)}</th>']
    for place, value in enumerate(rest, start=1):
        cells.append(f'<td class="word">{_cell(value)}</td>' if place < words else f"<td>{_cell(value)}</td>")
    return "".join(cells)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else escape(str(value))


def _figure(value: Mapping[str, Any]) -> str:
    said = "; ".join(
        f"{row['item']}, {_BANDS[row['band']]}, {_OUTCOMES[row['outcome']]}: {row['persons']:,} persons"
        for row in value["rows"]
        if row["persons"]
    )
    svg = _chart(value)
    alternative = escape(
        f"Bar chart of persons by item, band and answer. {said or 'No persons are known'}.", quote=True
    )
    return (
        f'<figure><div role="img" aria-label="{alternative}">{svg}</div>\n'
        "<figcaption>Persons by item and by how their answer is known. The table below has every number."
        "</figcaption></figure>"
    )


def _chart(value: Mapping[str, Any]) -> str:
    """Bars by item and band, in parts by answer, as SVG."""
    matplotlib = import_module("matplotlib")
    figure_of = import_module("matplotlib.figure").Figure
    bars = [(item, band) for item in value["items"] for band in _BANDS]
    counts = {(row["item"], row["band"], row["outcome"]): row["persons"] for row in value["rows"]}
    with matplotlib.rc_context({"svg.hashsalt": "licet", "hatch.linewidth": 0.6, "font.size": 9}):
        figure = figure_of(figsize=(9, 1.4 + 0.34 * len(bars)), layout="constrained")
        axes = figure.subplots()
        starts = [0] * len(bars)
        for outcome, (color, hatch) in _LOOKS.items():
            widths = [counts.get((*bar, outcome), 0) for bar in bars]
            look = {"color": color, "hatch": hatch, "edgecolor": "#1a1a1a", "linewidth": 0.4}
            axes.barh(range(len(bars)), widths, left=starts, label=_OUTCOMES[outcome], **look)
            starts = [start + width for start, width in zip(starts, widths, strict=True)]
        axes.set_yticks(range(len(bars)), [f"{item}, {_BANDS[band]}" for item, band in bars])
        axes.set_xlim(0, max(max(starts) * 1.03, 1))
        axes.invert_yaxis()
        axes.set_xlabel("persons")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        figure.legend(loc="outside upper left", ncols=len(_LOOKS), frameon=False)
        out = io.StringIO()
        figure.savefig(out, format="svg", metadata=dict.fromkeys(("Creator", "Date", "Format", "Type")))
    text = out.getvalue()
    # A page has its own prolog; what stands before the picture names a file elsewhere.
    return text[text.index("<svg") :].strip()
