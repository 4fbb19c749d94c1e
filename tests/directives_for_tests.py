"""Directive files for tests. JSON is YAML, so a file is written as JSON."""

import json
from typing import Any

NOON = "2026-06-15T12:00:00Z"


def directive(**over: Any) -> str:
    """A valid file; `None` for a member takes it out."""
    document: dict[str, Any] = {
        "format": "licet-directive/1",
        "id": "DIR-1",
        "issuer": "BIS",
        "authority": ["15 CFR 744.22(b)", "50 USC 4817(b)(1)"],
        "form": "written",
        "status": "confirmed",
        "acts": ["export", "reexport", "transfer_in_country", "release"],
        "items": [{"id": "fable-5", "basis": "named in the letter"}],
        "persons": "all_foreign_persons",
        "received_at": "2026-06-12T21:21:00Z",
        "effective_at": "2026-06-12T21:21:00Z",
        "sources": [{"title": "A test's own order", "date": "2026-06-12", "sha256": None}],
    }
    document.update(over)
    return json.dumps({name: value for name, value in document.items() if value is not None}, indent=1)
