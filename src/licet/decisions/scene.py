"""The scene: everything one decision knows about a request, as values.

The gateway makes it from rows, a case file from JSON; gathering cannot tell which.
"""

from datetime import date
from enum import StrEnum

from licet.items import Model
from licet.licenses import Holder, License
from licet.parties import Declared, Organization, Relation, Standing
from licet.terms import OrganizationId, Truth, Value


class Mode(StrEnum):
    """How the item is asked for."""

    REMOTE_INFERENCE = "remote_inference"
    EMBEDDED_US_PRODUCT = "embedded_us_product"
    WEIGHTS_DOWNLOAD = "weights_download"
    HOSTED_REPLICA_ABROAD = "hosted_replica_abroad"
    ENCRYPTED_STORAGE = "encrypted_storage"
    ACCESS_INFORMATION = "access_information"
    METADATA = "metadata"
    DERIVED_OUTPUT = "derived_output"


class Marks(Value, frozen=True):
    """What screening and knowledge say of a party; `unknown` is a match nobody resolved."""

    denied: Truth = Truth.NO
    blocked: Truth = Truth.NO
    diversion: Truth = Truth.NO
    listed: Truth = Truth.NO
    owned: Truth = Truth.NO
    military: Truth = Truth.NO
    intelligence: Truth = Truth.NO


UNMARKED = Marks()


class Tie(Value, frozen=True):
    """A citizenship or permanent residency as stated; `lost` is the first day without it."""

    country: str
    residence: bool
    acquired: date | None = None
    lost: date | None = None


class Person(Value, frozen=True):
    """The natural person behind a request.

    Attributes:
        relation: What the person is to their employer; None if nothing is stated.
        employer: For whom the person works; None for the organization on whose
            account the request is made.
    """

    holder: Holder | None
    standings: tuple[Standing, ...] = ()
    declared: Declared = Declared.NOTHING
    ties: tuple[Tie, ...] = ()
    relation: Relation | None = None
    employer: OrganizationId | None = None
    marks: Marks = UNMARKED


class Body(Value, frozen=True):
    """The organization on whose account the request is made."""

    organization: Organization
    marks: Marks = UNMARKED


class Scene(Value, frozen=True):
    """One request.

    Attributes:
        place: ISO country from which the item is received; None if unknown.
        region: A region of it under rules of its own, such as `UA-DNR`.
        end_use: As stated; None if nothing is.
    """

    model: Model
    mode: Mode
    person: Person | None
    body: Body | None
    place: str | None = None
    region: str | None = None
    licenses: tuple[License, ...] = ()
    end_use: str | None = None
