"""The caller's doors and page, and vendors' doors: what would change a refusal, shown with the key that gains it."""

from licet.enrollment.doors import Doors
from licet.enrollment.organization import OrganizationWay
from licet.enrollment.own_doors import Own, OwnDoors
from licet.enrollment.pages import MOST_TRIES, Pages, Reception
from licet.enrollment.provider import ProviderWay
from licet.enrollment.registrar import Registrar
from licet.enrollment.reviewing import Reviewing, ReviewWay
from licet.enrollment.sessions import Sessions
from licet.enrollment.tickets import Tickets
from licet.enrollment.vendor import VendorWay
from licet.enrollment.vendor_doors import VendorDoors, Vendors
from licet.enrollment.ways import Way

__all__ = [
    "MOST_TRIES",
    "Doors",
    "OrganizationWay",
    "Own",
    "OwnDoors",
    "Pages",
    "ProviderWay",
    "Reception",
    "Registrar",
    "ReviewWay",
    "Reviewing",
    "Sessions",
    "Tickets",
    "VendorDoors",
    "VendorWay",
    "Vendors",
    "Way",
]
