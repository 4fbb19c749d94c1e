"""`licet log export`: a packet that an agency can open and check without licet."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from licet.cli.files import read_text, write_new
from licet.cli.instance import find_directory, find_instance, is_remote
from licet.cli.logs import organization_id, single_person
from licet.cli.options import AsJson, Dir
from licet.cli.output import say
from licet.cli.reading import read_noted, search_words
from licet.cli.usage import UsageError
from licet.errors import InputError, TrustError
from licet.logwriter import Search, policy_path
from licet.records import SINGLE_PERSON
from licet.records.packets import Profile
from licet.terms import parse_instant

_ALL = 1_000_000


def export_packet(
    target: Annotated[Path, typer.Argument(metavar="DIR", help="A new directory for the packet.")],
    profile: Annotated[Profile, typer.Option(help="For whom; a holder is not shown rules, facts and officers.")],
    party: Annotated[str | None, typer.Option(help="A person's pseudonym.")] = None,
    organization: Annotated[str | None, typer.Option(help="An organization's id or enrolled name.")] = None,
    country: Annotated[str | None, typer.Option(help="The country of the organization.")] = None,
    document: Annotated[str | None, typer.Option(help="The number of a license or a directive.")] = None,
    since: Annotated[str | None, typer.Option(help="An instant, included.")] = None,
    until: Annotated[str | None, typer.Option(help="An instant, not included.")] = None,
    directory: Dir = None,
    as_json: AsJson = False,
) -> None:
    """Write records, receipts and their verifier as a packet that is checked without this instance."""
    if profile is Profile.HOLDER and party is None and organization is None:
        raise UsageError("expected --party or --organization: a holder's packet is about the holder")
    words = search_words(
        party=party, organization=organization, country=country, document=document, since=since, until=until
    )
    if is_remote(directory):
        content = find_instance(directory).post("/records/packet", {**words, "profile": profile.value})
    else:
        content = _content(find_directory(directory), words, profile)
    _write(target, content)
    told = json.loads(content["records.json"])
    value = {"directory": str(target), "records": len(told["records"]), "profile": profile.value}
    notice = told.get("notice")
    say(
        value | ({} if notice is None else {"notice": notice}),
        f"{value['records']} records are in {target}; README.txt says how to check them",
        *([] if notice is None else [notice]),
        as_json=as_json,
    )


def _content(directory: Path, words: dict[str, str], profile: Profile) -> dict[str, str]:
    # It loads the servers, for which the other commands of this group need not wait.
    from licet.app.packets import make_packet  # noqa: PLC0415  # see above

    instants = {name: parse_instant(words[name]) for name in ("since", "until") if name in words}
    named: dict[str, str] = {name: words[name] for name in ("party", "country", "document") if name in words}
    if "organization" in words:
        named["organization"] = organization_id(words["organization"], directory)
    # Of a transaction a holder sees what is about them, an agency the whole.
    wanted = Search(limit=_ALL, whole=profile is Profile.AGENCY, **named, **instants)  # type: ignore[arg-type]  # the names are a search's
    notice = SINGLE_PERSON if single_person(directory) else ""
    policy = read_text(policy_path(directory))
    content, _ = read_noted(
        None,
        directory,
        "record.export",
        {**words, "profile": profile.value},
        lambda reader: make_packet(reader, wanted, profile, policy, notice),
        lambda found: found[1],
    )
    return content


def _write(target: Path, content: Mapping[str, str]) -> None:
    if any(Path(name).is_absolute() or ".." in Path(name).parts for name in content):
        raise TrustError("expected a packet whose files stay in its directory")
    try:
        target.mkdir(mode=0o700, parents=True)
        for folder in ("receipts", "verifier", "verifier/licet"):
            (target / folder).mkdir(mode=0o700)
    except OSError as err:
        raise InputError(f"expected a new directory, `{target}` cannot be made: {err.strerror}") from err
    for name, text in content.items():
        write_new(target / name, text)
