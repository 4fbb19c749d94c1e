"""`licet evidence-issuer` and `licet vendor`: whose word on what somebody is is believed, beside organizations'."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from licet.cli.files import read_json
from licet.cli.instance import find_instance
from licet.cli.options import AsJson, Dir
from licet.cli.output import say_done
from licet.cli.tables import show_rows
from licet.cli.usage import UsageError
from licet.cli.wire import segment

_Name = Annotated[str, typer.Argument(metavar="NAME", help="What to call it here: letters, digits and hyphens.")]
_Assurance = Annotated[str, typer.Option(help="How sure its word is taken to be: low, substantial or high.")]
_Age = Annotated[int, typer.Option(help="How many days ago it may have verified.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    issuer = typer.Typer(help="Identity providers whose `verified_claims` are believed.")
    issuer.command("add")(add_issuer)
    vendor = typer.Typer(help="Identity-verification vendors whose signed events are believed.")
    vendor.command("add")(add_vendor)
    vendor.command("add-persona")(add_persona)
    for group, path, name in ((issuer, "evidence-issuers", "evidence-issuer"), (vendor, "vendors", "vendor")):
        group.command("list")(_listing(path))
        group.command("suspend")(_setting(path, "suspend", "believed in nothing from now on"))
        group.command("resume")(_setting(path, "resume", "believed again"))
        app.add_typer(group, name=name)


def add_issuer(
    name: _Name,
    url: Annotated[str, typer.Option(help="Its `iss`, exactly as it stands in its tokens.")],
    jwks_url: Annotated[str, typer.Option(help="Where its keys are; https.")],
    audience: Annotated[str, typer.Option(help="What `aud` of an access token must name.")],
    client: Annotated[list[str], typer.Option(help="An application whose access tokens count.")],
    algorithm: Annotated[list[str], typer.Option(help="With which it signs.")],
    accept: Annotated[list[str], typer.Option(help="A trust framework and its level: `nist_800_63A:ial2`, `de_aml`.")],
    country: Annotated[str, typer.Option(help="Under whose law it vouches, such as `US`.")],
    assurance: _Assurance = "substantial",
    max_age_days: _Age = 365,
    status_claim: Annotated[
        str | None, typer.Option(help="The claim that says who is no foreign person, and its value: `us_person=true`.")
    ] = None,
    foreign_value: Annotated[str | None, typer.Option(help="The claim's value for whoever is one.")] = None,
    userinfo_url: Annotated[
        str | None, typer.Option(help="Where claims are asked for that are not in a token.")
    ] = None,
    authorization_url: Annotated[str | None, typer.Option(help="Where people are sent to sign in.")] = None,
    token_url: Annotated[str | None, typer.Option(help="Where codes are exchanged.")] = None,
    sign_in_client: Annotated[str | None, typer.Option(help="As which this gateway is registered there.")] = None,
    redirect_url: Annotated[str | None, typer.Option(help="Where they are sent back, as registered.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Believe what an identity provider says inside `verified_claims`, of elements verified as it is accepted."""
    sign_in = {"authorization_url": authorization_url, "token_url": token_url}
    sign_in |= {"client": sign_in_client, "redirect_url": redirect_url}
    if any(sign_in.values()) and not all(sign_in.values()):
        raise UsageError("expected all four of --authorization-url, --token-url, --sign-in-client and --redirect-url")
    body = {
        "id": name,
        "url": url,
        "jwks_url": jwks_url,
        "audience": audience,
        "clients": client,
        "algorithms": algorithm,
        "accepts": [_accepted(one) for one in accept],
        "country": country,
        "assurance": assurance,
        "max_age_days": max_age_days,
        "status": _status(status_claim, foreign_value),
        "userinfo_url": userinfo_url,
        "sign_in": sign_in if all(sign_in.values()) else None,
    }
    say_done(find_instance(directory).post("/evidence-issuers", body), f"believed from now on: {url}", as_json=as_json)


def add_vendor(
    mapping: Annotated[Path, typer.Argument(metavar="FILE", help="The mapping of its events, as JSON; see the docs.")],
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Believe a vendor's events by a mapping; its secrets stand in the configuration."""
    body = read_json(mapping)
    answer = find_instance(directory).post("/vendors", body)
    say_done(answer, f"believed from now on: the events of {body.get('id')}", as_json=as_json)


def add_persona(
    name: _Name,
    template: Annotated[str, typer.Option(help="The inquiry template whose approvals count.")],
    approved: Annotated[
        str, typer.Option(help="What an approval by it means: not_foreign_person, foreign_person or identity.")
    ],
    nationality: Annotated[
        str | None, typer.Option(help="Where the nationality is in an event: a JSON pointer.")
    ] = None,
    start_url: Annotated[str | None, typer.Option(help="Where a person begins, with `{reference}` in it.")] = None,
    assurance: _Assurance = "substantial",
    max_age_days: _Age = 365,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Believe Persona's events about inquiries of one template."""
    body: dict[str, Any] = {"id": name, "template": template, "approved": approved, "nationality": nationality}
    body |= {"start_url": start_url, "assurance": assurance, "max_age_days": max_age_days}
    answer = find_instance(directory).post("/vendors", body)
    say_done(answer, f"believed from now on: the events of {name}", as_json=as_json)


def _listing(path: str) -> Callable[..., None]:
    columns = ("id", "url", "country") if path == "evidence-issuers" else ("id", "scheme", "header")

    def list_all(directory: Dir = None, as_json: AsJson = False) -> None:
        """List them."""
        rows = find_instance(directory).get(f"/{path}")
        show_rows(rows, (*columns, "assurance", "max_age_days", "suspended"), as_json=as_json, none="none is believed")

    return list_all


def _setting(path: str, act: str, told: str) -> Callable[..., None]:
    def change(name: _Name, directory: Dir = None, as_json: AsJson = False) -> None:
        answer = find_instance(directory).post(f"/{path}/{segment(name)}/{act}", {})
        say_done(answer, f"{told}: {name}", as_json=as_json)

    change.__doc__ = {
        "suspend": "Believe nothing of it, nor what it said before; who is served by that is cut.",
        "resume": "Believe it again, also what it said before.",
    }[act]
    return change


def _accepted(text: str) -> dict[str, str | None]:
    framework, _, level = text.partition(":")
    return {"framework": framework, "level": level or None}


def _status(text: str | None, foreign: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError("expected a claim and its value, such as `us_person=true`")
    return {"name": name, "not_foreign": _value(value), "foreign": None if foreign is None else _value(foreign)}


def _value(text: str) -> str | bool:
    """A text, but for `true` and `false`, which are what JSON has; in quotes they are texts again."""
    try:
        found = json.loads(text)
    except ValueError:
        return text
    return found if isinstance(found, str | bool) else text
