"""The wire shapes of model APIs: which model a request names, and how a refusal is said."""

from licet.dialects.arrays import ArrayFramer
from licet.dialects.credentials import find_key, strip_key_from_query
from licet.dialects.frames import EventFramer
from licet.dialects.listings import ListedItem, Page, read_models, render_model, render_models
from licet.dialects.refusals import GroundText, Refusal, RemedyText, Rendered, render_cut, render_refusal
from licet.dialects.routes import ROUTES, Form, Match, ModelIn, Route, RouteKind, StreamIn, guess_surface, match
from licet.dialects.scan import Asked, read_body

__all__ = [
    "ROUTES",
    "ArrayFramer",
    "Asked",
    "EventFramer",
    "Form",
    "GroundText",
    "ListedItem",
    "Match",
    "ModelIn",
    "Page",
    "Refusal",
    "RemedyText",
    "Rendered",
    "Route",
    "RouteKind",
    "StreamIn",
    "find_key",
    "guess_surface",
    "match",
    "read_body",
    "read_models",
    "render_cut",
    "render_model",
    "render_models",
    "render_refusal",
    "strip_key_from_query",
]
