"""A gateway's copy of the policy and the rows, fed by the two channels.

Everything that asks or changes runs on one event loop, so that a decision never
sees half a change. Whoever holds a stream open is told what changed.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from licet.decisions import Caller, Decision, Request, RowChange, RowKind, Snapshot, Stop, decode_row
from licet.directives import Policy, PolicyBundle, compile_policy
from licet.errors import ConflictError, NotFoundError, UnavailableError
from licet.fleet.changed import Changed
from licet.fleet.clock import Clock
from licet.fleet.observation import Observation
from licet.fleet.placing import all_of, of_kind, place_voucher, put, subject
from licet.fleet.recognizing import Recognizing
from licet.fleet.remembered import Remembered
from licet.fleet.shelf import FEW, Shelf, Table, View
from licet.items import Catalogue, Item
from licet.licenses import Holder, License
from licet.orders import StopOrder
from licet.parties import (
    EvidenceIssuer,
    IdentityVendor,
    IssuedKey,
    Organization,
    Party,
    PartyLink,
    Standing,
    TokenIssuer,
    link_id,
)
from licet.terms import ItemId, KeyId, LicenseId, OrganizationId, PartyId

_NOBODY, _NEVER = "an order that cannot be read", datetime.min.replace(tzinfo=UTC)
MOST_OBSERVED = 4
"""How many drafts may be watched at a time: each costs a look at every decision."""
Key = TypeVar("Key")
Value = TypeVar("Value")


def no_policy() -> Policy:
    """A policy that was never fresh: until the first bundle comes, nothing is known to be unrestricted by it."""
    return compile_policy(PolicyBundle(0, _NEVER, _NEVER, (), (), frozenset()))


class Replica:
    """The rows by what a decision looks up, and the compiled policy.

    A change that does not follow the last one shows that some are missing. From then on
    the snapshot is not current, so that what is restricted is refused, until `fill`
    brings whatever was changed since; whoever feeds the replica has to ask for it.

    Args:
        clock: Where the instants of decisions come from.
        pepper: The secret under which keys are hashed.

    Attributes:
        observed: The drafts that are watched beside live decisions; empty as a rule.
        orders: The stop orders in force beside the rows; None is one that cannot be read.
    """

    def __init__(self, policy: Policy, clock: Clock, pepper: bytes) -> None:
        self.clock = clock
        self.observed: tuple[Observation, ...] = ()
        self._pepper = pepper
        self._known = 0
        self._items: dict[ItemId, Item] = {}
        self._has_new_items = False
        self._parties: Table[PartyId, Party] = Table()
        self._organizations: dict[OrganizationId, Organization] = {}
        self._standings: Table[PartyId, tuple[Standing, ...]] = Table()
        self._standing_owner: Table[str, PartyId] = Table()
        self._licenses: Table[Holder, tuple[License, ...]] = Table()
        self._license_rows: Table[LicenseId, License] = Table()
        self._stop_rows: dict[ItemId, Stop] = {}
        self._stops: dict[ItemId, Stop] = {}  # those of the rows, and those of the orders
        self.orders: tuple[StopOrder | None, ...] = ()
        self._keys: Table[KeyId, IssuedKey] = Table()
        self._recognizing = Recognizing(pepper, self._keys)
        self._issuers: dict[str, TokenIssuer] = {}
        self._vouching: dict[str, EvidenceIssuer | IdentityVendor] = {}
        self._links: Table[KeyId, PartyLink] = Table()
        self._listeners: list[Callable[[Changed], None]] = []
        self._remembered = Remembered()
        self._snapshot = Snapshot(
            policy=policy,
            catalogue=Catalogue({}),
            parties=View(self._parties),
            organizations=self._organizations,
            standings=View(self._standings),
            licenses=View(self._licenses),
            stops=self._stops,
            sequence=0,
            current=True,
            vouching=self._vouching,
        )

    def look(self) -> tuple[Snapshot, datetime]:
        """What to decide on, and the one instant at which; taken together, once a request."""
        at = self.clock.now()
        if self.clock.in_doubt(at):
            return replace(self._snapshot, current=False), at
        return self._snapshot, at

    @property
    def sequence(self) -> int:
        """The number of the last change taken."""
        return self._snapshot.sequence

    @property
    def is_current(self) -> bool:
        """Whether no change is known to be missing."""
        return self._snapshot.current

    def decide(self, request: Request, snapshot: Snapshot, at: datetime) -> Decision:
        """Answer a request on what `look` gave; an answer whose lease still runs is not worked out again."""
        return self._remembered.decide(request, snapshot, at)

    def observe(self, observation: Observation) -> None:
        """Watch a draft beside every live decision from now on.

        Raises:
            ConflictError: one of that name is watched already, or as many as may be.
        """
        name = observation.draft.name
        if any(one.draft.name == name for one in self.observed):
            raise ConflictError(f"expected a draft nobody watches, found `{name}`", code="already_observed")
        if len(self.observed) >= MOST_OBSERVED:
            raise ConflictError(f"expected at most `{MOST_OBSERVED}` drafts at a time", code="too_many_observed")
        self.observed = (*self.observed, observation)

    def unobserve(self, name: str) -> Observation:
        """Watch a draft no longer, and give back what was counted.

        Raises:
            NotFoundError: nobody watches it.
        """
        for found in self.observed:
            if found.draft.name == name:
                self.observed = tuple(one for one in self.observed if one is not found)
                return found
        raise NotFoundError(f"expected a draft that is watched, found `{name}`", code="not_observed")

    def subscribe(self, listener: Callable[[Changed], None]) -> None:
        """Tell `listener` of every change, after it took effect."""
        self._listeners.append(listener)

    def authenticate(self, text: str) -> Caller | None:
        """Whose key this is; None for anything else."""
        return self._recognizing.caller(text)

    def issuer(self, url: str) -> TokenIssuer | None:
        """The issuer of access tokens that calls itself so."""
        return next((one for one in self._issuers.values() if one.url == url), None)

    def linked(self, issuer: TokenIssuer, subject: str) -> Caller | None:
        """Whom an issuer's subject is here; None for nobody."""
        link = self._links.get(link_id(self._pepper, issuer.id, subject))
        return None if link is None else Caller(link.id, link.party, issuer=issuer.id)

    def holds(self, key_id: KeyId) -> bool:
        """Whether a key, or the link of a token's subject, is still good."""
        link = self._links.get(key_id)
        return self._keys.get(key_id) is not None or (link is not None and link.issuer in self._issuers)

    def party_of(self, key_id: KeyId) -> PartyId | None:
        """Whose a key is by itself, or the link of a token's subject; None for an organization's."""
        known = self._keys.get(key_id) or self._links.get(key_id)
        return None if known is None else known.party

    def adopt(self, policy: Policy) -> None:
        """Decide by another policy from now on."""
        renewed = policy.digest == self._snapshot.policy.digest
        self._snapshot = replace(self._snapshot, policy=policy)
        self._stop()
        if not renewed:
            self._tell(Changed(everything=True))

    def heed(self, orders: tuple[StopOrder | None, ...]) -> None:
        """Stop what these orders say, beside what the rows say; an order that cannot be read stops everything."""
        self.orders = orders
        self._tell(self._stop())

    def apply(self, changes: Iterable[RowChange]) -> None:
        """Take changes in order; those that were taken before are left out.

        Raises:
            LicetError: a change cannot be read, or one before it is missing, now or since
                earlier. Until `fill`, what is restricted is refused.
        """
        with self._telling() as touched:
            for change in changes:
                if change.sequence > self._snapshot.sequence:
                    self._known = max(self._known, change.sequence)
                    if not self._snapshot.current or change.previous != self._snapshot.sequence:
                        raise UnavailableError(
                            f"expected the change after `{self._snapshot.sequence}`, found one after "
                            f"`{change.previous}`",
                            code="feed_gap",
                        )
                    touched.append(self._take(change))

    def fill(self, since: int, changes: Iterable[RowChange], *, more: bool = False) -> None:
        """Take every row changed after `since`, in order, whatever was missing; `more` where it goes on.

        Raises:
            LicetError: a change cannot be read, or the replica is not as far as `since`.
        """
        with self._telling() as touched:
            if since > self._snapshot.sequence:
                raise UnavailableError(
                    f"expected the feed from `{self._snapshot.sequence}` on, found it from `{since}` on",
                    code="feed_gap",
                )
            touched.extend(self._take(change) for change in changes if change.sequence > self._snapshot.sequence)
            if not more:
                self._require_known()
            self._set(current=not more)

    def begin_from(self, shelf: Shelf, changes: Iterable[RowChange] = (), *, more: bool = True) -> None:
        """Take the rows of a file in the place of all that were taken.

        Args:
            shelf: The file.
            changes: What was changed after it, in order.
            more: Whether more are to be filled in; until then what is restricted is
                refused. Otherwise nobody is told of a state between.

        Raises:
            LicetError: the file or a change cannot be read, or one is missing.
        """
        with self._telling() as touched:
            self._set(current=False)
            self._parties.lie_over(lambda key: of_kind(Party, shelf.row(RowKind.PARTY, key)))
            self._keys.lie_over(lambda key: of_kind(IssuedKey, shelf.row(RowKind.KEY, key)))
            self._links.lie_over(lambda key: of_kind(PartyLink, shelf.row(RowKind.LINK, key)))
            self._standings.lie_over(lambda owner: all_of(Standing, shelf.owned(RowKind.STANDING, owner)))
            self._standing_owner.lie_over(lambda key: subject(shelf.row(RowKind.STANDING, key)))
            self._licenses.lie_over(lambda holder: all_of(License, shelf.owned(RowKind.LICENSE, holder)))
            self._license_rows.lie_over(lambda key: of_kind(License, shelf.row(RowKind.LICENSE, key)))
            for table in (self._items, self._organizations, self._stop_rows, self._issuers, self._vouching):
                table.clear()
            for kind in FEW:
                for key, row in shelf.every(kind):
                    self._place(kind, key, row)
            self._set(sequence=shelf.sequence)
            touched.append(Changed(everything=True))
            for change in changes:
                self._take(change)
            if not more:
                self._require_known()
                self._set(current=True)

    def expect(self, sequence: int) -> None:
        """Hear that there is a change of this number.

        Raises:
            UnavailableError: it has not come. Until `fill`, what is restricted is refused.
        """
        with self._telling():
            self._known = max(self._known, sequence)
            self._require_known()

    def _require_known(self) -> None:
        if self._snapshot.sequence < self._known:
            raise UnavailableError(
                f"expected the feed up to `{self._known}`, found it up to `{self._snapshot.sequence}`", code="feed_gap"
            )

    @contextmanager
    def _telling(self) -> Iterator[list[Changed]]:
        """Tell whom the changes of the block bear on, also where it fails."""
        touched: list[Changed] = []
        was_current = self._snapshot.current
        try:
            yield touched
        except Exception:
            # Whose rows are missing is not known, so every running answer is decided again.
            self._set(current=False)
            touched = [Changed(everything=True)] if was_current else touched
            raise
        finally:
            if self._has_new_items:
                # Once for all of them: there may be thousands in one act, and each would walk through the rest.
                self._has_new_items = False
                self._snapshot = replace(self._snapshot, catalogue=Catalogue.of(self._items.values()))
            self._tell(Changed.together(touched))

    def _take(self, change: RowChange) -> Changed:
        row = None if change.body is None else decode_row(change.kind, change.body)
        touched = self._place(change.kind, change.key, row)
        self._set(sequence=change.sequence)
        return touched

    def _place(self, kind: RowKind, key: str, row: object) -> Changed:
        changed = Changed()
        match kind, row:
            case RowKind.ITEM, Item() | None:
                put(self._items, ItemId(key), row)
                self._has_new_items = True
                changed = Changed(items=frozenset({ItemId(key)})) | self._stop()
            case RowKind.PARTY, Party() | None:
                self._parties.put(PartyId(key), row)
                changed = Changed(parties=frozenset({PartyId(key)}))
            case RowKind.ORGANIZATION, Organization() | None:
                put(self._organizations, OrganizationId(key), row)
                changed = Changed(everything=True)  # it may have attested anybody
            case RowKind.KEY, IssuedKey() | None:
                self._keys.put(KeyId(key), row)
                changed = Changed(keys=frozenset({KeyId(key)}))
            case RowKind.STANDING, Standing() | None:
                changed = self._place_standing(key, row)
            case RowKind.LICENSE, License() | None:
                changed = self._place_license(LicenseId(key), row)
            case RowKind.STOP, Stop() | None:
                put(self._stop_rows, ItemId(key), row)
                changed = Changed(items=frozenset({ItemId(key)})) | self._stop()
            case RowKind.ISSUER, TokenIssuer() | None:
                put(self._issuers, key, row)
                changed = Changed(everything=True)  # whose tokens it has vouched for is not kept
            case RowKind.LINK, PartyLink() | None:
                self._links.put(KeyId(key), row)
                changed = Changed(keys=frozenset({KeyId(key)}))
            case _:
                changed = place_voucher(self._vouching, kind, key, row)
        return changed

    def _stop(self) -> Changed:
        """Work out what is stopped, and say what changed."""
        stops: dict[ItemId, Stop] = {}
        for stop in (*self._ordered(), *self._stop_rows.values()):
            stops[stop.item] = stop.with_other(stops.get(stop.item))
        both = stops.keys() | self._stops.keys()
        changed = frozenset(item for item in both if stops.get(item) != self._stops.get(item))
        self._stops.clear()
        self._stops.update(stops)
        return Changed(items=changed)

    def _ordered(self) -> Iterator[Stop]:
        for order in self.orders:
            if order is None or order.everything:
                items: Iterable[ItemId] = self._items
            else:
                items = order.items or [item for item in self._items if item in self._snapshot.policy.restricted]
            for item in items:
                if order is None:
                    yield Stop(item, _NOBODY, _NEVER)
                else:
                    yield Stop(item, order.by, order.at, order.drain_until)

    def _place_standing(self, key: str, row: Standing | None) -> Changed:
        owner = self._standing_owner.get(key) if row is None else row.subject
        if owner is None:
            return Changed()
        others = tuple(standing for standing in self._standings.get(owner) or () if standing.id != key)
        self._standings.put(owner, others if row is None else (*others, row))
        self._standing_owner.put(key, owner)
        return Changed(parties=frozenset({owner}))

    def _place_license(self, key: LicenseId, row: License | None) -> Changed:
        before = self._license_rows.get(key)
        self._license_rows.put(key, row)
        holders = (before.holders if before else frozenset()) | (row.holders if row else frozenset())
        for holder in holders:
            others = tuple(license_ for license_ in self._licenses.get(holder) or () if license_.id != key)
            self._licenses.put(holder, others if row is None or holder not in row.holders else (*others, row))
        people = frozenset(PartyId(h.removeprefix("person:")) for h in holders if h.startswith("person:"))
        return Changed(parties=people, organizations=frozenset(OrganizationId(h) for h in holders if ":" not in h))

    def _set(self, *, sequence: int | None = None, current: bool | None = None) -> None:
        self._snapshot = replace(
            self._snapshot,
            sequence=self._snapshot.sequence if sequence is None else sequence,
            current=self._snapshot.current if current is None else current,
        )

    def _tell(self, changed: Changed) -> None:
        self._remembered.forget(changed, self._snapshot.sequence)
        for observation in self.observed:
            observation.forget(changed, self._snapshot.sequence)
        if changed != Changed():
            for listener in self._listeners:
                listener(changed)
