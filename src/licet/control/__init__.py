"""The control plane: acts of administration, who may do them, and the API through which they are done."""

from licet.control.act import Act, Done, Intent, Proposed
from licet.control.acts import Control, Drain
from licet.control.administration import Administration
from licet.control.api import build_api
from licet.control.callbacks import Callbacks, Taken
from licet.control.desk import Desk, Issued
from licet.control.gathering import Gathering
from licet.control.intents import Intents
from licet.control.keeping import Keeper, Read
from licet.control.mandates import MANDATES, ROUTES, Effect, Mandate, Persons, require_mandate
from licet.control.observing import Observing
from licet.control.office import Office
from licet.control.own import OwnStandings
from licet.control.publisher import Publisher
from licet.control.registry import Registry
from licet.control.returning import Returns
from licet.control.reviews import Reviews, ReviewSettings
from licet.control.rulings import Rulings
from licet.control.vitals import Vitals
from licet.control.window import ReviewWindow
from licet.control.workforces import Workforces

__all__ = [
    "MANDATES",
    "ROUTES",
    "Act",
    "Administration",
    "Callbacks",
    "Control",
    "Desk",
    "Done",
    "Drain",
    "Effect",
    "Gathering",
    "Intent",
    "Intents",
    "Issued",
    "Keeper",
    "Mandate",
    "Observing",
    "Office",
    "OwnStandings",
    "Persons",
    "Proposed",
    "Publisher",
    "Read",
    "Registry",
    "Returns",
    "ReviewSettings",
    "ReviewWindow",
    "Reviews",
    "Rulings",
    "Taken",
    "Vitals",
    "Workforces",
    "build_api",
    "require_mandate",
]
