"""The page of figures names commands that exist, and the part that a command writes is between its marks."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "benchmarks.md").read_text()
COMMANDS = sorted(set(re.findall(r"^## .*`(.+?)`", PAGE, re.MULTILINE)))
MOST_BYTES = 100_000


def test_there_is_a_command_over_every_table():
    assert len(COMMANDS) >= 8
    assert len(re.findall(r"^## ", PAGE, re.MULTILINE)) == len(re.findall(r"^## .*`.+?`", PAGE, re.MULTILINE))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_exists(command):
    if command.startswith("make "):
        target = command.split()[1]
        assert re.search(rf"^{re.escape(target)}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
    else:
        assert (ROOT / command.split()[1]).is_file()


def test_the_gateways_part_is_written_between_its_marks():
    before, begin, rest = PAGE.partition("<!-- make bench: begin -->")
    written, end, after = rest.partition("<!-- make bench: end -->")
    assert begin
    assert end
    assert "| licet |" in written
    assert "| bare proxy |" in written
    assert "## The gateway beside others" in before
    assert "## A decision" in after


def test_the_plot_is_light():
    assert 0 < (ROOT / "docs" / "benchmarks.svg").stat().st_size < MOST_BYTES


def test_the_script_says_how_it_is_called():
    asked = [sys.executable, str(ROOT / "bench" / "gateway.py"), "--help"]
    said = subprocess.run(asked, capture_output=True, text=True, check=True).stdout
    assert {"--quick", "--json", "--write", "--litellm"} <= set(re.findall(r"--[a-z]+", said))
