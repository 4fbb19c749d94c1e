"""What of a record goes into a packet for somebody, and how the packet reads on paper."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from html import escape
from typing import Any


class Profile(StrEnum):
    """For whom a packet is made."""

    AGENCY = "agency"
    HOLDER = "holder"


_HOLDER_SEES = frozenset(
    {
        "code",
        "continues",
        "country",
        "decision",
        "directive",
        "holders",
        "item",
        "items",
        "key",
        "license",
        "licenses",
        "model",
        "organization",
        "party",
        "serves",
        "standing",
        "standings",
        "until",
        "valid_from",
        "valid_until",
    }
)
WITHHELD = "rules, facts, reasons and officers: they could show what the law or counsel keeps from the holder"
"""Why a holder's packet leaves a value out."""


@dataclass(frozen=True, slots=True)
class PacketRecord:
    """One record of a packet.

    Attributes:
        entry: The entry of the log, as JSON.
        shown: The salt and value of each commitment that is opened.
        withheld: The reason for each that is not.
        words: The record in sentences; none where they would tell what is withheld.
    """

    id: str
    index: int
    entry: Mapping[str, Any]
    shown: Mapping[str, tuple[str, Any]]
    withheld: Mapping[str, str]
    words: tuple[str, ...]

    @property
    def receipt(self) -> str:
        """Where in the packet its receipt is."""
        return f"receipts/{self.id}.tlog-proof"

    def to_value(self) -> dict[str, Any]:
        """The record as JSON."""
        return {
            "id": self.id,
            "index": self.index,
            "receipt": self.receipt,
            "entry": dict(self.entry),
            "shown": {name: {"salt": salt, "value": value} for name, (salt, value) in self.shown.items()},
            "withheld": dict(self.withheld),
            "words": list(self.words),
        }


def redacted(
    told: Mapping[str, tuple[str, Any]], profile: Profile
) -> tuple[dict[str, tuple[str, Any]], dict[str, str]]:
    """What is shown of a record's sealed values, and why the rest is not."""
    shown = {name: one for name, one in told.items() if profile is Profile.AGENCY or name in _HOLDER_SEES}
    return shown, {name: WITHHELD for name in told if name not in shown}


README = """\
This is a packet of records of an export-control gate. Nothing of whoever made it is
needed to check it.

  records.html    the records in words, to be printed
  records.json    the same for machines: each entry of the log, the values that are
                  shown with the salts of their commitments, and what was left out and why
  receipts/       for each record the proof that it stands in the log (C2SP tlog-proof)
  checkpoint      the log's signed tree head when the packet was made
  log.policy      whose signatures are believed (C2SP tlog-policy). Compare it with the
                  one you were given earlier: it is what everything below rests on
  verifier/       two files of Python; read them, they are short

To check all of it, with Python 3.11 or newer and the package `cryptography`:

  cd verifier
  python -m licet.packet ..

To check one receipt: python -m licet.receipts ../receipts/ID.tlog-proof --policy ../log.policy

A value that is left out still has its commitment in the entry: it can be asked for,
and what is then shown can be checked in the same way. A record marked `erased` was
destroyed when no duty to keep it was left; its proof stays.
"""

_STYLE = (
    "body{font:11pt/1.4 Georgia,serif;max-width:44em;margin:2em auto}section{break-inside:avoid;"
    "border-top:1px solid #999;padding:.6em 0}code{font-size:9pt;overflow-wrap:anywhere}dt{font-weight:bold}"
)


def page(records: Iterable[PacketRecord], heading: str, checkpoint: str, notice: str = "") -> str:
    """The packet as one page that loads nothing and can be printed; `notice` is what it must say first."""
    sections = "\n".join(map(_section, records))
    title = escape(heading)
    said = f"<p><strong>{escape(notice)}</strong></p>\n" if notice else ""
    return (
        f'<!doctype html>\n<html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>\n'
        f"<h1>{title}</h1>\n{said}<p>The log's signed tree head when this was made:</p>\n"
        f"<pre><code>{escape(checkpoint)}</code></pre>\n{sections}\n</html>\n"
    )


def _section(record: PacketRecord) -> str:
    words = "".join(f"<p>{escape(sentence)}</p>" for sentence in record.words)
    shown = "" if record.words else "".join(_value(name, value) for name, (_, value) in record.shown.items())
    withheld = "".join(f"<li>{escape(name)}: {escape(why)}</li>" for name, why in record.withheld.items())
    left_out = f"<p>Left out:</p><ul>{withheld}</ul>" if withheld else ""
    form = "".join(_value(name, record.entry.get(name)) for name in ("at", "kind", "outcome", "act"))
    return (
        f"<section><h2>Record {escape(record.id)}</h2><p>Entry {record.index} of the log; "
        f"its receipt is <code>{escape(record.receipt)}</code>.</p>{words}<dl>{form}{shown}</dl>{left_out}</section>"
    )


def _value(name: str, value: object) -> str:
    return "" if value is None else f"<dt>{escape(name)}</dt><dd>{escape(str(value))}</dd>"
