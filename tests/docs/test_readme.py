"""The README's commands, run in order as they stand; only ports are changed, to free ones."""

import re
from pathlib import Path

import typer

from licet.cli.commands import build
from printed_for_tests import assert_said, run_printed

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```bash licet\n(.*?)^```$", README, re.MULTILINE | re.DOTALL)

# What the commands must have said, in this order.
SAID = [
    *['"object":"chat.completion"'] * 3,
    "stopped for everybody: fable-5",
    '"code":"item_stopped"',
    "brought back: fable-5",
    "BIS-2026-06-12",
    "forbid (principal",
    "in force from its `effective_at` on: BIS-2026-06-12",
    '"code":"verification_required"',
    "remote_inference",
    '"outcome":"needs_evidence"',
    '"data":[{"id":"sonata-3"',
    '"standing":',
    '"object":"chat.completion"',
    '"standing":',
    '"outcome":"license_required"',
    '"alternatives":["sonata-3"]',
    '"standing":',
    "entered license D-2026-001",
    '"object":"chat.completion"',
    "revoked license D-2026-001",
    "in force from its `effective_at` on: BIS-2026-06-26",
    '"object":"chat.completion"',
    '"outcome":"license_required"',
    "lifted BIS-2026-06-26",
    '"object":"chat.completion"',
    "license_required",
    '"kind":"stream_cut"',
    "the log is whole",
    "1 fault(s) found",
    "an alteration, and where it is",
]


def test_the_commands_run_as_they_are_printed():
    assert len(BLOCKS) >= 8
    assert_said(run_printed(BLOCKS), SAID)


def leaves(command, path):
    """Every command that does something."""
    members = getattr(command, "commands", None)
    if not members:
        return [" ".join(path)]
    return [leaf for name, member in members.items() for leaf in leaves(member, [*path, name])]


def test_every_command_has_its_place_in_the_table():
    rows = "".join(re.findall(r"^\| (`licet .*?) \|", README, re.MULTILINE))
    assert set(re.findall(r"`([^`]+)`", rows)) == set(leaves(typer.main.get_command(build([])), ["licet"]))


def test_no_advice_is_promised():
    assert "licet gives no legal advice" in README
