"""What a child says of itself, and what of it is believed."""

import pytest

from licet import errors
from licet.errors import ConfigurationError, DocumentError, EvidenceError, LicetError
from licet.processes import lifeline
from licet.processes.lifeline import error_of, failure_of, say_failed, say_ready

FAMILY = [x for x in vars(errors).values() if isinstance(x, type) and issubclass(x, LicetError)]


@pytest.mark.parametrize("kind", [x for x in FAMILY if x is not DocumentError])
def test_an_error_is_the_same_error_for_whoever_started_it(capfdbinary, kind):
    say_failed(kind('expected `é`, found a "quote"\nand a line', code="some_code"))
    line = capfdbinary.readouterr().out
    found = failure_of(line)
    assert (type(found), str(found), found.code) == (kind, 'expected `é`, found a "quote"\nand a line', "some_code")
    assert line.count(b"\n") == 1


def test_a_document_at_fault_is_told_in_one_sentence():
    found = error_of(DocumentError, "`x` is not valid: line 1", "invalid_document")
    assert (type(found), found.code) == (LicetError, "invalid_document")


@pytest.mark.parametrize("kind", [None, "text", ValueError, SystemExit, int])
def test_what_is_none_of_the_family_is_its_base(kind):
    assert type(error_of(kind, "m", "c")) is LicetError


@pytest.mark.parametrize(
    "line", [b"", b"ready\n", b"failed", b"failed x\n", b"failed {}\n", b"failed []\n", b"something failed {}\n"]
)
def test_anything_else_says_nothing(line):
    assert failure_of(line) is None


def test_ready_is_one_line(capfdbinary):
    say_ready()
    assert capfdbinary.readouterr().out == lifeline.READY == b"ready\n"


def test_codes_survive_a_class_of_their_own():
    assert error_of(EvidenceError, "m", "evidence_replayed").code == "evidence_replayed"
    assert error_of(ConfigurationError, "m", "cannot_listen").code == "cannot_listen"
