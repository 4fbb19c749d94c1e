"""`licet attest`: the organization's side. It needs no instance and no network.

The private key never leaves the organization's machine.
"""

import secrets
from datetime import timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import typer
from joserfc.jwk import ECKey, KeyParameters, OKPKey

from licet.cli.attest_workforce import workforce
from licet.cli.files import read_json, write_new
from licet.cli.options import AsJson
from licet.cli.output import say
from licet.cli.usage import UsageError
from licet.errors import InputError
from licet.fleet import Clock
from licet.parties import AttestedStatus, Relation
from licet.parties.evidence import (
    CURRENT_STATEMENT,
    STATEMENTS,
    AttestationClaims,
    CheckMethod,
    EndUser,
    sign_attestation,
    sign_end_user,
)
from licet.terms import OrganizationId, PartyId, is_country, parse_instant, require_id

_LIFETIME_S = 300


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    group = typer.Typer(help="For an organization: attest whether one of its people is a foreign person.")
    group.command("keygen")(keygen)
    group.command("sign")(sign)
    group.command("end-user")(end_user)
    group.command("statement")(statement)
    group.command("workforce")(workforce)
    app.add_typer(group, name="attest")


def keygen(
    out: Annotated[Path, typer.Option(help="A new file for the private key, readable by you only.")],
    public: Annotated[Path, typer.Option(help="A new file for the public key, to be enrolled.")],
    kid: Annotated[str, typer.Option(help="What to call the key.")],
    alg: Annotated[str, typer.Option(help="EdDSA or ES256.")] = "EdDSA",
    as_json: AsJson = False,
) -> None:
    """Make a key pair for signing attestations."""
    require_id(kid, "a key")
    if alg not in {"EdDSA", "ES256"}:
        raise UsageError(f"expected --alg EdDSA or --alg ES256, found `{alg}`")
    extra: KeyParameters = {"kid": kid, "use": "sig"}
    key = OKPKey.generate_key("Ed25519", extra) if alg == "EdDSA" else ECKey.generate_key("P-256", extra)
    write_new(out, msgspec.json.encode(key.as_dict(private=True)).decode() + "\n")
    try:
        write_new(public, msgspec.json.encode(key.as_dict(private=False)).decode() + "\n", mode=0o644)
    except InputError:
        out.unlink()  # half a pair helps nobody, and would stand in the way of the next attempt
        raise
    say(
        {"private": str(out), "public": str(public), "kid": kid, "alg": alg},
        f"the private key is in {out}; it must not leave this machine",
        f"the public key is in {public}; give it to the provider",
        as_json=as_json,
    )


def sign(
    key: Annotated[Path, typer.Option(help="The file with the private key.")],
    issuer: Annotated[str, typer.Option(help="Your organization's id at the provider.")],
    subject: Annotated[str, typer.Option(help="The person's pseudonym, or the id of their key; never a name.")],
    status: Annotated[AttestedStatus, typer.Option(help="The predicate; the reason for it is never stated.")],
    relation: Annotated[Relation, typer.Option(help="What the person is to you.")],
    nationality: Annotated[list[str] | None, typer.Option(help="Of a foreign person, two letters.")] = None,
    residency: Annotated[list[str] | None, typer.Option(help="A permanent residency of a foreign person.")] = None,
    request: Annotated[
        Path | None, typer.Option(help="What POST /licet/nonce answered the person: audience and nonce.")
    ] = None,
    audience: Annotated[str | None, typer.Option(help="The provider's gateway, if there is no such file.")] = None,
    nonce: Annotated[str | None, typer.Option(help="The one that the person's key was given.")] = None,
    checked_at: Annotated[str | None, typer.Option(help="When you checked the status; now if not given.")] = None,
    method: Annotated[CheckMethod, typer.Option(help="How you checked it.")] = CheckMethod.DOCUMENT_REVIEW,
    valid_until: Annotated[str | None, typer.Option(help="From when on you no longer vouch for it.")] = None,
    signatory: Annotated[str, typer.Option(help="The role that signs; never a name.")] = "export compliance",
    lifetime_s: Annotated[
        int, typer.Option("--lifetime", min=1, max=86_400, help="Seconds for which it may be presented.")
    ] = _LIFETIME_S,
    as_json: AsJson = False,
) -> None:
    """Sign what you attest of one person, and print the token."""
    private = read_json(key)
    asked_by, asked = _asked(request, audience, nonce)
    now = Clock().now().replace(microsecond=0)
    for country in (*(nationality or ()), *(residency or ())):
        if not is_country(country):
            raise InputError(f"expected a country code such as `FR`, found `{country}`", code="unknown_country")
    claims = AttestationClaims(
        issuer=OrganizationId(require_id(issuer, "an organization")),
        audience=asked_by,
        issued_at=now,
        expires_at=now + timedelta(seconds=lifetime_s),
        number=secrets.token_urlsafe(16),
        subject=require_id(subject, "a party or a key"),
        status=status,
        relation=relation,
        checked_at=now if checked_at is None else parse_instant(checked_at),
        method=method,
        statement_version=CURRENT_STATEMENT,
        signatory=signatory,
        nonce=asked,
        nationalities=tuple(nationality or ()),
        permanent_residencies=tuple(residency or ()),
        valid_until=None if valid_until is None else parse_instant(valid_until),
    )
    token = sign_attestation(claims, private, _key_id(private, key)).decode()
    say({"token": token}, token, as_json=as_json)


def end_user(
    key: Annotated[Path, typer.Option(help="The file with the private key.")],
    issuer: Annotated[str, typer.Option(help="Your organization's id at the provider.")],
    subject: Annotated[str, typer.Option(help="The pseudonym of the person who calls; never a name.")],
    audience: Annotated[str, typer.Option(help="The provider's gateway.")],
    lifetime_s: Annotated[
        int, typer.Option("--lifetime", min=1, max=300, help="Seconds for which it may be sent.")
    ] = _LIFETIME_S,
    as_json: AsJson = False,
) -> None:
    """Sign who of your people calls, for the header `Licet-End-User` beside your key that serves people."""
    private = read_json(key)
    now = Clock().now().replace(microsecond=0)
    user = EndUser(
        issuer=OrganizationId(require_id(issuer, "an organization")),
        audience=audience,
        subject=PartyId(require_id(subject, "a party")),
        number=secrets.token_urlsafe(16),
        issued_at=now,
        expires_at=now + timedelta(seconds=lifetime_s),
    )
    token = sign_end_user(user, private, _key_id(private, key)).decode()
    say({"token": token}, token, as_json=as_json)


def statement(
    version: Annotated[str, typer.Option(help="Which version; the one that is signed now if not given.")] = (
        CURRENT_STATEMENT
    ),
    as_json: AsJson = False,
) -> None:
    """Print what your signatory agrees to by signing."""
    if version not in STATEMENTS:
        raise UsageError(f"expected a version of {', '.join(STATEMENTS)}, found `{version}`")
    say({"version": version, "text": STATEMENTS[version]}, STATEMENTS[version].rstrip(), as_json=as_json)


def _asked(request: Path | None, audience: str | None, nonce: str | None) -> tuple[str, str | None]:
    """Whom the attestation is for, and the nonce if there is one."""
    if (request is None) == (audience is None) or (request is not None and nonce is not None):
        raise UsageError("expected either --request, or --audience and perhaps --nonce")
    if request is None:
        return str(audience), nonce
    answer = read_json(request)
    if not isinstance(answer.get("audience"), str) or not isinstance(answer.get("nonce"), str):
        raise InputError(f"expected `audience` and `nonce` in `{request}`", code="unreadable_file")
    return answer["audience"], answer["nonce"]


def _key_id(jwk: dict[str, str], path: Path) -> str:
    name = jwk.get("kid")
    if not isinstance(name, str) or not isinstance(jwk.get("d"), str):
        raise InputError(f"expected a private JWK with a `kid` in `{path}`", code="bad_key_file")
    return name
