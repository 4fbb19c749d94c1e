"""Standings after they were established: taken back by the person, withdrawn by an officer, found to be an error."""

from dataclasses import replace
from datetime import datetime

from licet.control.act import Act, Intent
from licet.control.mandates import Effect
from licet.decisions import RowKind
from licet.errors import ConflictError, NotFoundError
from licet.parties import Standing, Withdrawal
from licet.records import RecordKind
from licet.stores import Transaction
from licet.terms import KeyId, PartyId


def take_back(key: KeyId, party: PartyId, standing: str) -> Intent[Standing]:
    """The person takes back what they have shown: it counts no longer, and the record of it stays.

    What it showed against them stays too: see `adverse_facts`.
    """
    act = Act("standing.take_back", f"key:{key}", _details(standing, party), kind=RecordKind.EVIDENCE)
    return Intent(act, lambda tx, at: _end(tx, party, standing, Withdrawal.BY_PERSON, at))


def withdraw(by: str, party: PartyId, standing: str, reason: str) -> Intent[Standing]:
    """An officer believes a standing no longer; answers that run under it are cut."""
    details = {**_details(standing, party), "reason": reason}
    act = Act("standing.withdraw", by, details, Effect.TIGHTENS)
    return Intent(act, lambda tx, at: _end(tx, party, standing, Withdrawal.BY_OFFICER, at))


def clear(by: str, party: PartyId, standing: str, reason: str) -> Intent[Standing]:
    """Two officers find that a standing was an error: nothing that it showed stays."""

    def change(tx: Transaction, at: datetime) -> Standing:
        found = _standing(tx, party, standing)
        if found.withdrawal is Withdrawal.ERROR:
            raise ConflictError(f"`{standing}` was found to be an error already", code="standing_withdrawn")
        cleared = replace(found, withdrawn_at=found.withdrawn_at or at, withdrawal=Withdrawal.ERROR, facts=())
        tx.put(cleared)
        return cleared

    return Intent(Act("standing.clear", by, {**_details(standing, party), "reason": reason}, Effect.LOOSENS), change)


def _details(standing: str, party: PartyId) -> dict[str, str]:
    return {"standing": standing, "party": party}


def _end(tx: Transaction, party: PartyId, standing: str, why: Withdrawal, at: datetime) -> Standing:
    found = _standing(tx, party, standing)
    if found.withdrawn_at is not None:
        raise ConflictError(
            f"expected a standing that stands, found that `{standing}` does not", code="standing_withdrawn"
        )
    ended = replace(found, withdrawn_at=at, withdrawal=why)
    tx.put(ended)
    return ended


def _standing(tx: Transaction, party: PartyId, standing: str) -> Standing:
    found = tx.find(RowKind.STANDING, standing)
    if not isinstance(found, Standing) or found.subject != party:
        raise NotFoundError(f"expected a standing of `{party}`, found `{standing}`", code="unknown_standing")
    return found
