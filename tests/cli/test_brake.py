"""A plain stop is read without the library that reads commands, and to the same end."""

from pathlib import Path

import pytest

from licet.cli.root import _Brake, _brake

PLAIN = [
    (["stop"], _Brake([], everything=False, directory=None, as_json=False)),
    (["stop", "fable-5"], _Brake(["fable-5"], everything=False, directory=None, as_json=False)),
    (["stop", "--all", "--json"], _Brake([], everything=True, directory=None, as_json=True)),
    (
        ["stop", "--dir", "gate", "fable-5", "open-1"],
        _Brake(["fable-5", "open-1"], everything=False, directory=Path("gate"), as_json=False),
    ),
    # What is anything else is read by the library, which says what is wrong with it.
    ([], None),
    (["--json", "stop"], None),
    (["stops"], None),
    (["resume", "fable-5"], None),
    (["stop", "--help"], None),
    (["stop", "-h"], None),
    (["stop", "--dir"], None),
    (["stop", "--dir", "--all"], None),
    (["stop", "--dir=gate"], None),
    (["stop", "--dir", "a", "--dir", "b"], None),
    (["stop", "--everything"], None),
    (["stop", "--", "fable-5"], None),
    (["stop", ""], None),
]


@pytest.mark.parametrize(("arguments", "read"), PLAIN)
def test_a_plain_stop_is_read(arguments, read):
    assert _brake(arguments) == read
