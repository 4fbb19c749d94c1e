"""A real Chromium, of the machine's own packages and without a picture of its own of anything."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

from javascript_for_tests import FOLDER

_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-proxy-server",
)
_RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """Start it with a profile of its own, which is gone with it."""
    program = shutil.which("chromium")
    assert program, "expected Chromium on this machine; `make test` installs it"
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=[*_FLAGS, *flags], headless=True)
        try:
            yield browser
        finally:
            browser.close()


@cache
def _axe() -> str:
    return (FOLDER / "node_modules" / "axe-core" / "axe.min.js").read_text()


def faults_of(page: Page) -> list[str]:
    """What axe-core has against a page; the page's own policy lets no script in, so it is run from outside."""
    page.evaluate(_axe())
    found: Any = page.evaluate("rules => axe.run({runOnly: {type: 'tag', values: rules}})", _RULES)
    assert found["passes"], "expected rules that pass"
    return [
        f"{fault['id']}: {node['target']} {node['failureSummary']}"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


def picture(page: Page, name: str) -> None:
    """Keep a picture where somebody asked for pictures."""
    folder = os.environ.get("LICET_SCREENSHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)
