"""Tell what `bench/gateway.py` measured: on the terminal, in docs/benchmarks.md between its marks, and as a plot."""

import statistics
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).resolve().parent.parent / "docs"
_PAGE, _PLOT = _DOCS / "benchmarks.md", _DOCS / "benchmarks.svg"
_BEGIN, _END = "<!-- make bench: begin -->", "<!-- make bench: end -->"
_BARE = "bare proxy"
# The way, streams, workers, and the most milliseconds to the error event.
_WANTED_CUTS = (
    ("in force", 100, 1, 50),
    ("in force", 1000, 1, 250),
    ("activate", 100, 1, 50),
    ("activate", 1000, 1, 250),
    ("stop", 1000, 1, 250),
    ("typed", 1000, 1, 250),
    ("typed", 2000, 4, 400),
)
_MANY = 1000  # so many streams tell what one takes
_WAYS = {
    "in force": "a directive known beforehand, from its instant",
    "activate": "a directive in force at once, from the request: check and proof included",
    "stop": "a stop by the control API, from the request",
    "typed": "`licet stop`, from being typed",
    "order": "a stop while the control process does not answer, from giving the order",
}
Results = dict[str, Any]
Table = list[list[str]]


def show(results: Results) -> None:
    """Print every table."""
    for title, table in _tables(results):
        print(f"\n{title}\n\n{_drawn(table)}")  # noqa: T201  # what a script prints is its result


def write(results: Results) -> None:
    """Put the tables between the marks of the page, and draw the plot."""
    text = _PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    parts = [f"{title}\n\n{_drawn(table)}" for title, table in _tables(results)]
    said = "\n\n".join([_opening(results), *parts])
    _PAGE.write_text(f"{before}{_BEGIN}\n{said}\n{_END}{after}", encoding="utf-8")
    _plot(results)


def figure(results: Results, system: str, cell: str, name: str) -> float | None:
    """The median over the rounds."""
    found = [each[f"{system}/{cell}"][name] for each in results["measured"] if f"{system}/{cell}" in each]
    return statistics.median(found) if found else None


def ratio(results: Results, system: str, cell: str, to: str = _BARE) -> float | None:
    """How many times the CPU time of another, as the median of what it was in each round."""
    places = f"{system}/{cell}", f"{to}/{cell}"
    found = [
        each[places[0]]["cpu_us"] / each[places[1]]["cpu_us"]
        for each in results["measured"]
        if all(place in each and each[place]["cpu_us"] for place in places)
    ]
    return statistics.median(found) if found else None


def _opening(results: Results) -> str:
    versions = {name.split(",")[0]: version for name, version in results["versions"].items() if version}
    told = ", ".join(f"{name} {version}" for name, version in versions.items())
    lines = [
        f"Two cores, Python 3.11, {results['day']}; {results['rounds']} rounds. When the run began,",
        f"others took {results['busy']:.0%} of the machine. {told}.",
        *_skipped(results["skipped"]),
        *(
            f"{count:,} streams were not tried: the hard limit of open files is {results['files']:,}."
            for count in results["too_many"]
        ),
    ]
    return "\n".join(lines)


def _skipped(skipped: dict[str, str]) -> Iterable[str]:
    """One sentence for each peer and reason: `System/cell`, or a system that is not there."""
    places: dict[tuple[str, str], list[str]] = {}
    for place, why in skipped.items():
        system, _, cell = place.partition("/")
        places.setdefault((system, why), []).append(cell)
    for (system, why), cells in places.items():
        where = f" for {'; '.join(cells)}" if any(cells) else ""
        yield f"{system} was skipped{where}: {why}."


def _tables(results: Results) -> Iterable[tuple[str, Table]]:
    yield "What is held to:", _held(results)
    plain = ("plain, 1", "plain, 32", "stream, 1", "stream, 16")
    yield "CPU time of all processes, a request, and as a multiple of the bare proxy's:", _costs(results, plain)
    yield "From the request to the whole answer, median and 99th percentile:", _waits(results, plain)
    yield "Until the first byte, median, above what the upstream itself takes:", _firsts(results)
    large = ("100 kB, 8", "1 MB, 8")
    yield "Prompts of 100 kB and 1 MB, eight connections: CPU time a request:", _costs(results, large)
    yield "The same, the most memory above rest:", _memory(results, large)
    yield "Workers, 32 connections:", _workers(results)
    yield "Streams that are cut, to the error event at the client:", _cuts(results)


def _held(results: Results) -> Table:
    memory = max(
        (one["a_stream_kb"] for one in results["cuts"] if one["first"] and one["streams"] >= _MANY), default=None
    )
    plain, stream = ratio(results, "licet", "plain, 32"), ratio(results, "licet", "stream, 16")
    less = ratio(results, "LiteLLM", "plain, 32", "licet")
    first = _added(results, "licet", "first byte after 50 ms")
    rows = [
        ["", "measured", "wanted", ""],
        _row("CPU, 32 connections, as a multiple of the bare proxy's", plain, _times, 1.8),
        _row("LiteLLM's, as a multiple of licet's", less, _times, 30, at_least=True),
        _row("CPU, streams of 200 chunks, as a multiple of the bare proxy's", stream, _times, 1.5),
        _row("first byte, upstream's after 50 ms", first, _ms, 1),
        _row("memory of an open stream", memory, lambda value: f"{value:.0f} kB", 60),
    ]
    for way, streams, workers, most_ms in _WANTED_CUTS:
        p99 = _cut(results, way, streams, workers, "p99_ms")
        rows.append(_row(f"99 % of {streams:,} streams, {_plural(workers)}: {_WAYS[way]}", p99, _ms, most_ms))
    return rows


def _row(
    what: str, found: float | None, said: Callable[[float], str], wanted: float, *, at_least: bool = False
) -> list[str]:
    bound = f"at {'least' if at_least else 'most'} {said(wanted)}"
    if found is None:
        return [what, "not measured", bound, ""]
    return [what, said(found), bound, "held" if (found >= wanted if at_least else found <= wanted) else "**missed**"]


def _times(value: float) -> str:
    return f"{value:.1f}x"


def _costs(results: Results, cells: Sequence[str]) -> Table:
    def cell(system: str, name: str) -> str:
        cost, times = figure(results, system, name, "cpu_us"), ratio(results, system, name)
        if cost is None:
            return "not measured"
        return f"{_us(cost)} ({times:.2g}x)" if times is not None and times < 10 else f"{_us(cost)} ({times or 0:.0f}x)"  # noqa: PLR2004  # two digits

    systems = [name for name in results["systems"] if name != "direct"]
    return [["", *cells], *([system, *(cell(system, name) for name in cells)] for system in systems)]


def _waits(results: Results, cells: Sequence[str]) -> Table:
    def cell(system: str, name: str) -> str:
        p50, p99 = figure(results, system, name, "p50_ms"), figure(results, system, name, "p99_ms")
        return "not measured" if p50 is None else f"{_ms(p50)}, {_ms(p99)}"

    return [["", *cells], *([system, *(cell(system, name) for name in cells)] for system in results["systems"])]


def _firsts(results: Results) -> Table:
    cells = ("first byte after 0 ms", "first byte after 50 ms")
    systems = [name for name in results["systems"] if name != "direct"]
    return [["", *cells], *([system, *(_ms(_added(results, system, cell)) for cell in cells)] for system in systems)]


def _added(results: Results, system: str, cell: str) -> float | None:
    places = f"{system}/{cell}", f"direct/{cell}"
    found = [
        each[places[0]]["first_ms"] - each[places[1]]["first_ms"]
        for each in results["measured"]
        if all(place in each for place in places)
    ]
    return statistics.median(found) if found else None


def _memory(results: Results, cells: Sequence[str]) -> Table:
    def most(system: str, cell: str) -> str:
        found = [each[f"{system}/{cell}"]["memory_mb"] for each in results["measured"] if f"{system}/{cell}" in each]
        return f"{max(found):.0f} MB" if found else "not measured"

    systems = [name for name in results["systems"] if name != "direct"]
    return [["", *cells], *([system, *(most(system, cell) for cell in cells)] for system in systems)]


def _workers(results: Results) -> Table:
    def median(system: str, name: str) -> float:
        return float(statistics.median(each[f"{system}/plain, 32"][name] for each in results["workers"]))

    systems = ("1 worker", "2 workers")
    return [
        ["", "requests a second", "CPU time of all processes, a request"],
        *([one, f"{median(one, 'rate'):,.0f}", _us(median(one, "cpu_us"))] for one in systems),
    ]


def _cut(results: Results, way: str, streams: int, workers: int, name: str) -> float | None:
    found = [
        one[name] for one in results["cuts"] if (one["way"], one["streams"], one["workers"]) == (way, streams, workers)
    ]
    return statistics.median(found) if found else None


def _cuts(results: Results) -> Table:
    rows = [["what cuts them", "workers", "streams", "median", "99 %", "last", "without the event"]]
    seen = dict.fromkeys((one["workers"], one["way"], one["streams"]) for one in results["cuts"])
    for workers, way, streams in sorted(seen, key=lambda place: (place[0], list(_WAYS).index(place[1]), place[2])):
        times = [_ms(_cut(results, way, streams, workers, name)) for name in ("p50_ms", "p99_ms", "highest_ms")]
        untold = sum(
            one["untold"]
            for one in results["cuts"]
            if (one["way"], one["streams"], one["workers"]) == (way, streams, workers)
        )
        rows.append([_WAYS[way], str(workers), f"{streams:,}", *times, str(untold)])
    return rows


def _drawn(table: Table) -> str:
    head, *rows = table
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _us(value: float) -> str:
    return f"{value:,.0f} us" if value < 10_000 else f"{value / 1000:,.0f} ms"  # noqa: PLR2004  # five digits read badly


def _ms(value: float | None) -> str:
    if value is None:
        return "not measured"
    return f"{value:.2f} ms" if abs(value) < 10 else f"{value:,.0f} ms"  # noqa: PLR2004  # where two decimals tell something


def _plural(workers: int) -> str:
    return "1 worker" if workers == 1 else f"{workers} workers"


def _plot(results: Results) -> None:
    """Bars of CPU time, on a scale of powers, since peers are hundreds of times apart."""
    import matplotlib  # noqa: PLC0415, ICN001  # only where a page is written

    matplotlib.use("svg")
    matplotlib.rcParams["svg.hashsalt"] = "licet"  # the same figures, the same file
    from matplotlib import pyplot as plt  # noqa: PLC0415  # after its backend is chosen

    cells = {"plain, 32": "a request, 32 connections", "stream, 16": "a stream of 200 chunks, 16 connections"}
    systems = [name for name in reversed(results["systems"]) if name != "direct"]
    drawing, axes = plt.subplots(1, len(cells), figsize=(10, 3.2), sharey=True, layout="constrained")
    for axis, (cell, title) in zip(axes, cells.items(), strict=True):
        costs = [figure(results, system, cell, "cpu_us") or 0.0 for system in systems]
        colors = ["#1f6f8b" if system.startswith("licet") else "#b0b7bd" for system in systems]
        bars = axis.barh(systems, costs, color=colors, log=True)
        axis.bar_label(bars, [_us(cost) if cost else "not measured" for cost in costs], padding=3, fontsize=8)
        axis.set_title(f"CPU time, {title}", fontsize=10)
        axis.margins(x=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        axis.tick_params(labelsize=8)
    drawing.savefig(_PLOT, metadata={"Date": None})
    plt.close(drawing)
