"""The page's sentences, a file a language, and which of them a reader wants.

A sentence is text and never markup. What is put into it is escaped with it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from markupsafe import Markup, escape

FIRST = "en"
"""What is spoken where nothing else is asked for."""
_FILES = files("licet.enrollment").joinpath("messages")
_RANGE = re.compile(r"\s*([A-Za-z]{1,8}|\*)(?:-[A-Za-z0-9-]{1,32})?\s*(?:;\s*q=([01](?:\.[0-9]{0,3})?)\s*)?")
_LONGEST_HEADER = 512


@dataclass(frozen=True, slots=True)
class Language:
    """One language: its BCP 47 code, its own name for itself, its sentences."""

    code: str
    name: str
    messages: Mapping[str, str]

    def has(self, key: str) -> bool:
        """Whether there is such a sentence."""
        return key in self.messages

    def say(self, key: str, /, **values: object) -> Markup:
        """A sentence with its values, safe to stand in a page."""
        return escape(self.messages[key]).format(**values)


@cache
def languages() -> Mapping[str, Language]:
    """Every language by its code."""
    found = {}
    for entry in sorted(_FILES.iterdir(), key=lambda one: one.name):
        code = entry.name.removesuffix(".json")
        messages = json.loads(entry.read_text(encoding="utf-8"))
        found[code] = Language(code, messages["language"], messages)
    return found


def preferred(accepted: str) -> Language:
    """The language that `Accept-Language` asks for first among those there are.

    Source: RFC 9110, 12.5.4; what cannot be read asks for nothing.
    """
    best, weight = FIRST, 0.0
    for wanted in accepted[:_LONGEST_HEADER].split(","):
        found = _RANGE.fullmatch(wanted)
        code = FIRST if found and found[1] == "*" else found[1].lower() if found else ""
        if found and code in languages() and float(found[2] or 1) > weight:
            best, weight = code, float(found[2] or 1)
    return languages()[best]
