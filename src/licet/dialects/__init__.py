"""The wire shapes of model APIs: which model a request names, and how a refusal is said."""

from licet.dialects.arrays import ArrayFramer
from licet.dialects.batches import Begun, Upload, Use, read_begun, read_requests, read_upload
from licet.dialects.credentials import Credential, find_credential, is_key_subprotocol, strip_key_from_query
from licet.dialects.forms import read_form, read_form_model
from licet.dialects.frames import EventFramer
from licet.dialects.listings import (
    ListedItem,
    ListingQuery,
    Page,
    read_listing_query,
    read_models,
    render_model,
    render_models,
    render_objects,
)
from licet.dialects.objects import Told, is_object_id, read_event, read_told, with_relative_results
from licet.dialects.refusals import (
    GroundText,
    Refusal,
    RemedyText,
    Rendered,
    SocketEnd,
    render_cut,
    render_refusal,
    render_socket_end,
    render_warning,
)
from licet.dialects.routes import (
    ROUTES,
    Form,
    Match,
    ModelIn,
    ObjectKind,
    Route,
    RouteKind,
    StreamIn,
    guess_surface,
    match,
)
from licet.dialects.scan import Asked, read_body, with_models
from licet.dialects.sockets import read_client_event, read_setup, read_socket_model
from licet.dialects.usage import TokenMeter, Tokens

__all__ = [
    "ROUTES",
    "ArrayFramer",
    "Asked",
    "Begun",
    "Credential",
    "EventFramer",
    "Form",
    "GroundText",
    "ListedItem",
    "ListingQuery",
    "Match",
    "ModelIn",
    "ObjectKind",
    "Page",
    "Refusal",
    "RemedyText",
    "Rendered",
    "Route",
    "RouteKind",
    "SocketEnd",
    "StreamIn",
    "TokenMeter",
    "Tokens",
    "Told",
    "Upload",
    "Use",
    "find_credential",
    "guess_surface",
    "is_key_subprotocol",
    "is_object_id",
    "match",
    "read_begun",
    "read_body",
    "read_client_event",
    "read_event",
    "read_form",
    "read_form_model",
    "read_listing_query",
    "read_models",
    "read_requests",
    "read_setup",
    "read_socket_model",
    "read_told",
    "read_upload",
    "render_cut",
    "render_model",
    "render_models",
    "render_objects",
    "render_refusal",
    "render_socket_end",
    "render_warning",
    "strip_key_from_query",
    "with_models",
    "with_relative_results",
]
