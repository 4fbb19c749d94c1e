"""Gather what the verifier of verified claims needs: the issuer, its keys, and what it answers for a token.

Nothing is fetched on a stranger's word: the issuer is one that is enrolled, addresses
are those of its enrollment, and its claims are asked for only with a token that its own
key has signed for this gateway.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from licet.decisions import Row, RowKind
from licet.errors import UnavailableError
from licet.fetching import Document, Exchange, KeySets, Wanted
from licet.fleet import Clock
from licet.parties import EvidenceIssuer
from licet.parties.evidence import (
    Answer,
    Attempt,
    Gathered,
    PublicKey,
    Refusal,
    SignedIn,
    answer_is_wanted,
    answer_key,
    issuer_of,
    read_token_answer,
    refused,
    token_form,
)
from licet.stores import Store

_SIGNED_ANSWER = "application/jwt"


@dataclass(frozen=True, slots=True)
class Gathering:
    """What asks issuers.

    Attributes:
        secrets: What an issuer shares with this gateway as its client, by the issuer's name.
        door: Where evidence is presented, as callers know it; None where that is not known.
    """

    store: Store
    clock: Clock
    keys: KeySets
    exchange: Exchange
    secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict, repr=False)
    door: str | None = None

    async def brought(self, payload: bytes) -> Gathered:
        """For an access token that a caller has brought.

        Raises:
            EvidenceError: it is of no issuer that is believed, or does not hold.
            UnavailableError: the issuer does not give its keys, or what it was asked for.
        """
        url, key_id = issuer_of(payload)
        issuer = self._of_url(url)
        gathered = Gathered(issuer, await self._keys(issuer, key_id), url=self.door)
        token = answer_is_wanted(payload, gathered, self.clock.now())
        return gathered if token is None else await self._asked(gathered, token)

    async def signed_in(self, issuer: EvidenceIssuer, attempt: Attempt, code: str) -> tuple[bytes, Gathered]:
        """For a person who came back from signing in: their ID token, and what belongs to it.

        Raises:
            EvidenceError: what the issuer gave for the code is not believed.
            UnavailableError: the issuer does not answer.
        """
        secret = next(iter(self.secrets.get(issuer.id, ())), None)
        form = token_form(issuer, attempt, code, secret)
        url = "" if issuer.sign_in is None else issuer.sign_in.token_url
        given = await self._exchange(Wanted(url, {"accept": "application/json"}, form))
        id_token, access_token = read_token_answer(given.body)
        gathered = Gathered(issuer, {}, signed_in=SignedIn(attempt.nonce, access_token))
        key_id = answer_key(Answer(id_token, is_signed=True))
        gathered = replace(gathered, keys=await self._keys(issuer, key_id))
        return id_token, gathered if issuer.userinfo_url is None else await self._asked(gathered, access_token)

    async def _asked(self, gathered: Gathered, token: bytes) -> Gathered:
        url = gathered.issuer.userinfo_url or ""
        document = await self._exchange(Wanted(url, {"authorization": f"Bearer {token.decode()}"}))
        answer = Answer(document.body, document.media_type == _SIGNED_ANSWER)
        keys = {**gathered.keys, **await self._keys(gathered.issuer, answer_key(answer))}
        return replace(gathered, keys=keys, answer=answer)

    async def _exchange(self, wanted: Wanted) -> Document:
        try:
            return await self.exchange(wanted)
        except UnavailableError as err:
            raise UnavailableError(f"the issuer does not answer: {err}", code=Refusal.ISSUER_SILENT.value) from err

    async def _keys(self, issuer: EvidenceIssuer, key_id: str | None) -> dict[str, PublicKey]:
        if key_id is None:
            return {}
        # Whether it is suspended is no difference to whose keys they are.
        key = await self.keys.find(replace(issuer, suspended=False), key_id)
        return {} if key is None else {key_id: key}

    def _of_url(self, url: str) -> EvidenceIssuer:
        with self.store.read() as tx:
            for row in tx.every(RowKind.EVIDENCE_ISSUER):
                if isinstance(row, EvidenceIssuer) and row.url == url:
                    if row.suspended:
                        raise refused(Refusal.ISSUER_SUSPENDED, "the issuer is suspended")
                    return row
        raise refused(Refusal.UNKNOWN_ISSUER, "expected an issuer whose word is believed here")

    def named(self, name: str) -> EvidenceIssuer:
        """An issuer by its name here.

        Raises:
            NotFoundError: there is none.
            EvidenceError: it is suspended.
        """
        with self.store.read() as tx:
            row: Row = tx.get(RowKind.EVIDENCE_ISSUER, name)
        if not isinstance(row, EvidenceIssuer) or row.suspended:
            raise refused(Refusal.ISSUER_SUSPENDED, "the issuer is suspended")
        return row
