"""What is asked: an act on an item by the owner of a key."""

from enum import StrEnum

from licet.directives import BINDINGS
from licet.parties import Serves
from licet.terms import ItemId, KeyId, OrganizationId, PartyId, Value


class RequestedAct(StrEnum):
    """What a route does with the model it names.

    Listing models and counting tokens reveal nothing of the item and are no
    controlled act.
    """

    INFERENCE = "inference"
    METADATA = "metadata"


class Caller(Value, frozen=True):
    """The owner of a key, and how they called: one party, or an organization and what its key serves.

    Exactly one of `party` and `organization` is set; `serves` goes with an
    organization.

    Attributes:
        binding: How firmly the caller is bound to the key, of `BINDINGS`.
        issuer: Whose access token told who calls; None for a key of this gateway.
        place: ISO country of the caller's address, which is weak evidence; None if unknown.
    """

    key: KeyId
    party: PartyId | None = None
    organization: OrganizationId | None = None
    serves: Serves | None = None
    binding: str = BINDINGS[0]
    issuer: str | None = None
    place: str | None = None

    @property
    def natural_person(self) -> bool:
        """Whether a natural person receives the answer.

        A key that serves people stays one where no person is named: leaving a
        name out must not turn a person into a company.
        """
        return self.serves is not Serves.MACHINE


class Request(Value, frozen=True):
    """One model name asked for, as it stood in the request, and who asks.

    `base` is set for a name that is not in the catalogue and is known to have been
    tuned from that item for this caller. `among` are those candidates of a router to
    which the request holds it; empty where it may choose any.
    """

    model: str
    act: RequestedAct
    caller: Caller
    base: ItemId | None = None
    among: tuple[ItemId, ...] = ()

    @property
    def binding(self) -> str:
        """How firmly the caller is bound to the key."""
        return self.caller.binding

    @property
    def place(self) -> str | None:
        """From which country the caller's address is."""
        return self.caller.place
