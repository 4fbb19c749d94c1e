"""What a caller may do with what is established of them: see it, take it back, carry it, have it told elsewhere."""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from licet.control import standings
from licet.control.act import Act, Intent
from licet.control.desk import Desk
from licet.decisions import Caller, Snapshot, believed_standings, usable_rule
from licet.directives import Parameters, with_settings
from licet.errors import InputError, NotFoundError
from licet.fleet import Clock
from licet.parties import (
    Assurance,
    AttestedStatus,
    Declared,
    ForeignPerson,
    Standing,
    adverse_facts,
    establish_status,
    usable_standings,
)
from licet.parties.evidence import (
    SHORTEST_LIFETIME,
    STANDING_LIFETIME,
    Held,
    StandingToken,
    pairwise,
    shown_status,
    sign_standing,
)
from licet.records import RecordKind
from licet.stores import Store, Transaction
from licet.terms import KeyId, PartyId, format_instant

_AUDIENCE = re.compile(r"[\x21-\x7e]{1,200}")
_MARK = re.compile(r"[A-Za-z0-9_-]{43}")


@dataclass(frozen=True, slots=True)
class OwnStandings:
    """Answers callers about their own standings."""

    store: Store
    desk: Desk
    clock: Clock
    pepper: bytes
    audience: str
    signing_key: Mapping[str, str]
    look: Callable[[], tuple[Snapshot, datetime]]

    def held(self, caller: Caller) -> list[Held]:
        """Everything that is kept of the caller's evidence, also what counts no longer.

        Raises:
            InputError: the key is not of one party.
        """
        party, now = _party(caller), self.clock.now()
        with self.store.read() as tx:
            rule = usable_rule(_parameters(tx))
            return [
                Held(one, rule.counts(one, now), _is_proved(one, caller.key)) for one in tx.holdings.standings(party)
            ]

    async def take_back(self, caller: Caller, standing: str) -> str:
        """End one standing; the record's id.

        Raises:
            InputError: the key is not of one party.
            NotFoundError: the party has no such standing.
            ConflictError: it was withdrawn already.
            UnavailableError: the store or the log did not answer.
        """
        done = await self.desk.carry_out(standings.take_back(caller.key, _party(caller), standing))
        return done.record

    async def carry(self, caller: Caller, other: KeyId) -> list[str]:
        """Have what was proved with another key of the party count with the caller's; which standings.

        Whoever calls has shown that they hold both.

        Raises:
            InputError: the key is not of one party.
            NotFoundError: nothing was proved with the other key.
            UnavailableError: the store or the log did not answer.
        """
        done = await self.desk.carry_out(_carry(_party(caller), caller.key, other))
        return done.result

    async def vouch(self, caller: Caller, audience: str, thumbprint: str, lifetime: timedelta) -> str:
        """A standing token for another door.

        Args:
            caller: Whose; their key has shown the evidence.
            audience: The door's name.
            thumbprint: Of the key to which the token is bound (RFC 7638).
            lifetime: 5 to 15 minutes; less where the evidence ends sooner.

        Raises:
            InputError: the key is not of one party, or what is asked for is out of bounds.
            NotFoundError: nothing is established.
            UnavailableError: the store or the log did not answer.
        """
        if not SHORTEST_LIFETIME <= lifetime <= STANDING_LIFETIME:
            raise InputError("expected a lifetime of 300 to 900 seconds", code="bad_lifetime")
        if not _AUDIENCE.fullmatch(audience):
            raise InputError("expected the name of a door as `audience`", code="bad_audience")
        if not _MARK.fullmatch(thumbprint):
            raise InputError("expected the SHA-256 thumbprint of a key, in base64url", code="bad_thumbprint")
        party, now = _party(caller), self.clock.now()
        with self.store.read() as tx:
            parameters = _parameters(tx)
        usable, status = self._established(party, caller.key, parameters, now)
        ends = min((usable_rule(parameters).ends(one) for one in usable), default=now)
        if status is None or ends <= now:
            raise NotFoundError("nothing is established of whether you are a foreign person", code="no_standing")
        token = StandingToken(
            issuer=self.audience,
            audience=audience,
            subject=pairwise(self.pepper, party, audience),
            key=thumbprint,
            status=status[0],
            assurance=status[1],
            number=secrets.token_urlsafe(16),
            issued_at=now,
            expires_at=min(now + lifetime, ends),
        )
        text = sign_standing(token, self.signing_key, self.signing_key["kid"]).decode()
        details = {"party": party, "audience": audience, "until": format_instant(token.expires_at)}
        act = Act("standing.vouch", f"key:{caller.key}", details, kind=RecordKind.EVIDENCE)
        await self.desk.carry_out(Intent(act, lambda _tx, _at: None))
        return text

    def public_keys(self) -> dict[str, Any]:
        """The keys with which standing tokens are signed, as a JWK set (RFC 7517, section 5)."""
        public = {name: self.signing_key[name] for name in ("kty", "crv", "x", "kid")}
        return {"keys": [{**public, "alg": "EdDSA", "use": "sig"}]}

    def _established(
        self, party: PartyId, key: KeyId, parameters: Parameters, now: datetime
    ) -> tuple[tuple[Standing, ...], tuple[AttestedStatus, Assurance] | None]:
        """What counts of the evidence with this key, and what may be told."""
        every = believed_standings(party, key, self.look()[0])
        usable = usable_standings(every, usable_rule(parameters), now)
        status = establish_status(
            usable,
            Declared.NOTHING,
            any_citizenship=False,
            accept_foreign_word=parameters.accept_foreign_word_for_us_citizenship,
            shown_foreign=any(isinstance(fact, ForeignPerson) for fact in adverse_facts(every, now)),
        )
        return usable, shown_status(status, usable)


def _party(caller: Caller) -> PartyId:
    if caller.party is None:
        raise InputError("expected a key of one party: a standing is bound to a person", code="key_without_party")
    return caller.party


def _is_proved(standing: Standing, key: KeyId) -> bool:
    return not standing.keys or key in standing.keys


def _parameters(tx: Transaction) -> Parameters:
    return with_settings({setting.name: setting for setting in tx.settings()})


def _carry(party: PartyId, key: KeyId, other: KeyId) -> Intent[list[str]]:
    def change(tx: Transaction, at: datetime) -> list[str]:  # noqa: ARG001  # every change takes the instant
        carried = []
        for one in tx.holdings.standings(party):
            if one.withdrawn_at is None and other in one.keys and key not in one.keys:
                tx.put(replace(one, keys=(*one.keys, key)))
                carried.append(one.id)
        if not carried:
            raise NotFoundError("nothing that counts was proved with that key alone", code="nothing_to_carry")
        return carried

    details = {"party": party, "from_key": other, "to_key": key}
    return Intent(Act("standing.carry", f"key:{key}", details, kind=RecordKind.EVIDENCE), change)
