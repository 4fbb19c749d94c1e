"""Make a page: HTML from a template and a language, under headers that let nothing else in.

No script, no picture, nothing from anywhere else; one style sheet, inside the page and
named in the policy by its hash.

Source: Content Security Policy Level 3; RFC 9111, 5.2.2.5 (`no-store`).
"""

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template
from markupsafe import Markup
from starlette.responses import HTMLResponse, Response

from licet.enrollment.languages import Language, languages

_FOLDER = "templates"


@cache
def _style() -> str:
    return files("licet.enrollment").joinpath(_FOLDER, "style.css").read_text(encoding="utf-8")


@cache
def _headers() -> Mapping[str, str]:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    )
    return {
        "content-security-policy": policy,
        "cache-control": "no-store",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "x-robots-tag": "noindex",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "vary": "Accept-Language, Cookie",
    }


@cache
def _template(name: str) -> Template:
    environment = Environment(
        loader=PackageLoader("licet.enrollment", _FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["instant"] = _instant
    # The style sheet is ours, and its hash is that of these bytes.
    environment.globals |= {"style": Markup(_style()), "languages": languages()}  # noqa: S704  # no value is in it
    return environment.get_template(f"{name}.html")


def page(name: str, language: Language, status: int = 200, /, **values: Any) -> Response:
    """One page."""
    html = _template(name).render(language=language, t=language.say, **{"errors": (), **values})
    return HTMLResponse(html, status, {**_headers(), "content-language": language.code})


def moved(place: str) -> Response:
    """Go and get another page, so that to load it again sends nothing again."""
    return Response(status_code=303, headers={**_headers(), "location": place})


def _instant(at: datetime) -> Markup:
    """An instant for people and for machines, in the one zone that everybody can work out."""
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), utc.strftime("%Y-%m-%d %H:%M UTC")
    )
