"""Acts on the log itself, carried out in the transaction that records them: holds and erasure.

Source: 15 CFR 762.6 (how long) and 762.6(b) (nothing that an agency has asked for
may be destroyed without its leave, even after that time).
"""

import sqlite3
from enum import StrEnum

from licet.errors import ConflictError, InputError, NotFoundError
from licet.logwriter.archive import Archive
from licet.logwriter.index import Index
from licet.logwriter.vault import Vault
from licet.records import Record, RecordKind, terms_of
from licet.records.sealing import subjects_of

EVERYTHING = "all"
"""The subject of a hold on every record."""

_ERASABLE = ("party:", "organization:")
_HOLDABLE = (*_ERASABLE, "country:", "document:", "item:", "decision:")


class Duty(StrEnum):
    """Acts whose record changes what the log keeps."""

    HOLD = "hold.set"
    RELEASE = "hold.release"
    ERASE = "record.erase"


def duty_of(record: Record) -> Duty | None:
    """Which of these acts a record is of, if any."""
    if record.kind is not RecordKind.ADMINISTRATIVE:
        return None
    return next((duty for duty in Duty if record.body.get("act") == duty), None)


class Duties:
    """Carries these acts out; every method belongs into the writer's transaction."""

    def __init__(self, database: sqlite3.Connection, vault: Vault) -> None:
        self._database = database
        self._vault = vault
        self._archive = Archive(database, vault)

    def carry_out(self, duty: Duty, record: Record, place: int) -> None:
        """Do what the record says was done.

        Raises:
            ConflictError: a hold or a duty to keep forbids it; then nothing has changed.
            InputError: the record does not say on what.
        """
        match duty:
            case Duty.HOLD:
                self._hold(_text(record, "hold"), _text(record, "subject"), place)
            case Duty.RELEASE:
                self._release(_text(record, "hold"))
            case Duty.ERASE:
                self._erase(_text(record, "subject"), record)

    def _hold(self, name: str, subject: str, place: int) -> None:
        if subject != EVERYTHING and not subject.startswith(_HOLDABLE):
            raise InputError(f"expected `all` or something a record is found by, found `{subject}`")
        if self._database.execute("SELECT 1 FROM holds WHERE name = ?", (name,)).fetchone() is not None:
            raise ConflictError(f"expected a new hold, found that `{name}` is set", code="hold_exists")
        term = None if subject == EVERYTHING else self._vault.term(subject)
        self._database.execute("INSERT INTO holds(name, term, place) VALUES (?, ?, ?)", (name, term, place))

    def _release(self, name: str) -> None:
        if self._database.execute("DELETE FROM holds WHERE name = ?", (name,)).rowcount != 1:
            raise NotFoundError(f"expected a hold that is set, found `{name}`", code="unknown_hold")

    def _erase(self, subject: str, record: Record) -> None:
        if not subject.startswith(_ERASABLE):
            raise InputError(f"expected a party or an organization, found `{subject}`")
        if not self._vault.has_key(subject):
            raise NotFoundError(f"nothing is sealed to `{subject}`", code="nothing_to_erase")
        holds = self._archive.holds_on(subject)
        if holds:
            raise ConflictError(f"`{subject}` is under the legal hold `{holds[0]}`", code="under_hold")
        if not self._archive.may_go(subject, record.at):
            end = self._archive.kept_until(subject)
            told = f" until {end[0].date()} ({end[1].citation})" if end else ""
            raise ConflictError(f"the records of `{subject}` must be kept{told}", code="retention_runs")
        self._drop_finds(subject)
        self._vault.destroy(subject)

    def _drop_finds(self, subject: str) -> None:
        """Remove every word under which the records could be found; it was sealed too."""
        dropped: list[int] = []
        terms: list[tuple[bytes, int]] = []
        for place in self._archive.places(subject):
            record = self._archive.at(place)
            words = {subject} if record is None else {subject, *terms_of(record)}
            # An act that is sealed to the instance stays readable, so it stays to be found.
            if record is None or subject in subjects_of(record):
                dropped.append(place)
                terms += [(self._vault.term(word), place) for word in words]
        Index(self._database).drop(dropped, terms)


def _text(record: Record, name: str) -> str:
    value = record.body.get(name)
    if not isinstance(value, str) or not value:
        raise InputError(f"expected an act that names a `{name}`")
    return value
