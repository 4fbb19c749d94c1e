"""What was used, and by whom, apart from any one key and any one request."""

from licet.decisions.request import Caller, Request, RequestedAct
from licet.parties import Serves
from licet.terms import ItemId, KeyId, OrganizationId, PartyId, Value

_KEY = KeyId("use")


class User(Value, frozen=True):
    """Who used an item: one party, or an organization and what its key served."""

    party: PartyId | None
    organization: OrganizationId | None
    serves: Serves | None
    binding: str

    def asks(self, item: ItemId) -> Request:
        """The same use again."""
        caller = Caller(_KEY, self.party, self.organization, self.serves, self.binding)
        return Request(item, RequestedAct.INFERENCE, caller)


class Use(Value, frozen=True):
    """What somebody was given of an item, over some days."""

    user: User
    item: ItemId
    requests: int
    tokens: int
