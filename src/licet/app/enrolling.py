"""The caller's page in a worker: what it asks of the gateway, and what of the control process."""

from datetime import datetime, timedelta

from licet.app.answering import RemoteRegistrar
from licet.app.config import Config
from licet.enrollment import (
    MOST_TRIES,
    OrganizationWay,
    Pages,
    ProviderWay,
    Reception,
    ReviewWay,
    Sessions,
    Tickets,
    VendorWay,
    Way,
)
from licet.fleet import Replica
from licet.gateway import Callers
from licet.gateway.once import Uses

_TRIES_WITHIN = timedelta(minutes=15)


def enrollment_pages(
    config: Config, pepper: bytes, *, tickets: Tickets, registrar: RemoteRegistrar, replica: Replica, callers: Callers
) -> Pages:
    """The application behind `/licet/enroll/`, with every way that there is."""
    uses = callers.uses
    is_secure = (config.network.public_url or "").startswith("https:")
    reception = Reception(
        identify=callers.identify,
        holds=replica.holds,
        look=replica.look,
        may_try=lambda ticket, at: _may_try(uses, ticket, at),
        human=config.human_contact,
    )
    ways: list[Way] = [
        OrganizationWay(registrar, config.audience, replica.clock.now),
        ProviderWay(registrar, tickets.return_url),
        VendorWay(registrar),
    ]
    if config.review_offered:
        ways.append(ReviewWay(registrar, replica.clock.now))
    return Pages(tickets, Sessions(pepper, tickets.root, is_secure=is_secure), reception, ways)


def _may_try(uses: Uses, ticket: str, at: datetime) -> bool:
    """Counted by all workers of the host together, good tries among them."""
    return uses.take(("enroll", ticket), at + _TRIES_WITHIN, at, allowed=MOST_TRIES)
