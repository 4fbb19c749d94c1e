"""The table of what client libraries make of refusals and cuts, and the page written from it.

.venv/bin/python tests/sdk_matrix_for_tests.py > docs/sdks.md
"""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

MATRIX: dict[str, Any] = tomllib.loads((Path(__file__).parent / "sdk_matrix.toml").read_text(encoding="utf-8"))
LIBRARIES, REFUSALS, CUTS = MATRIX["libraries"], MATRIX["refusals"], MATRIX["cuts"]

_HEAD = """# What client libraries make of a refusal

Every refusal and every cut, as the official client libraries hand it to a program.
Each library was asked in every way it has: synchronous and asynchronous, for whole
answers and for streams. `tests/gateway/test_sdk_matrix.py` asks again on every run;
this page is written from `tests/sdk_matrix.toml` by
`python tests/sdk_matrix_for_tests.py > docs/sdks.md`. The versions are those of the
lock files.

The body of a refusal has the shape that the surface itself defines, with the members
of RFC 9457 and licet's own (`decision_id`, `outcome`, `grounds`, `remedies`,
`alternatives`) beside it. The header `licet-decision` names the record.
"""
_REFUSALS = """
## Instead of an answer

| status | code | when |
| --- | --- | --- |
"""
_CUTS = """
## In the middle of a stream

The stream's last event is an error in the surface's own shape, so that no library
takes what came before for a whole answer. Where Gemini streams a JSON array
(`streamGenerateContent` without `alt=sse`) it is the array's last element.

| status in the event | code | when |
| --- | --- | --- |
"""
_TAIL = """
## Where the code is

| library | the code is at |
| --- | --- |
"""
_SOCKETS = """
## On a websocket

Realtime and live sessions ([surfaces](surfaces.md#sockets)). `tests/gateway/test_sockets.py`
asks the libraries.

| library | a refusal | a cut |
| --- | --- | --- |
"""
_AGAIN = """
## Tried again

Refusals under 500 carry `x-should-retry: false`: asking again does not help. Those of
503 carry `retry-after`: the openai and anthropic libraries try three times in all if
not told otherwise, google-genai once.
"""


def page() -> str:
    """The documentation page."""
    titles = [library["title"] for library in LIBRARIES.values()]
    return "".join(
        (
            _HEAD,
            _REFUSALS,
            *(f"| {x['status']} | `{x['code']}` | {x['when']} |\n" for x in REFUSALS),
            f"\nIt is raised, or thrown, as:\n\n| status | {' | '.join(titles)} |\n",
            "| --- " * (len(titles) + 1) + "|\n",
            *_classes(REFUSALS, "by_status"),
            _CUTS,
            *(f"| {x['status']} | `{x['code']}` | {x['when']} |\n" for x in CUTS),
            f"\nIt is raised, or thrown, as:\n\n| status | {' | '.join(titles)} |\n",
            "| --- " * (len(titles) + 1) + "|\n",
            *_classes(CUTS, "in_a_stream"),
            _TAIL,
            *(f"| {x['title']} | {x['code']} |\n" for x in LIBRARIES.values()),
            _SOCKETS,
            *(
                f"| {x['title']} | {x['socket_refused']} | {x['socket_cut']} |\n"
                for x in LIBRARIES.values()
                if "socket_cut" in x
            ),
            _AGAIN,
        )
    )


def _classes(rows: list[dict[str, Any]], where: str) -> Iterator[str]:
    for status in sorted({x["status"] for x in rows}):
        names = [f"`{library[where][str(status)]}`" for library in LIBRARIES.values()]
        yield f"| {status} | {' | '.join(names)} |\n"


if __name__ == "__main__":
    sys.stdout.write(page())
