"""`licet init`: make an instance."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from licet.app import create_instance
from licet.cli.options import AsJson
from licet.cli.output import say
from licet.cli.usage import UsageError
from licet.records import SINGLE_PERSON
from licet.stores import ACTING, Role

_ONE, _TWO = ("administrator",), ("officer-1", "officer-2")


def add_to(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command("init")(init)


def init(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="A directory that is new or empty.")],
    administrator: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME[=ROLES]", help="Who may act, such as `ada=officer,operator`; two officers at least."
        ),
    ] = None,
    single_person: Annotated[
        bool, typer.Option("--single-person", help="One alone may loosen; it is said wherever it matters.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Make an instance: configuration, store, signing keys, and its administrators, two of whom must loosen."""
    named = administrator or (_ONE if single_person else _TWO)
    made = create_instance(directory, _people(named), single_person=single_person)
    tokens = {name: str(path) for name, path in made.tokens.items()}
    notice = [SINGLE_PERSON] if single_person else []
    say(
        {"directory": str(made.directory), "tokens": tokens} | ({"notice": SINGLE_PERSON} if notice else {}),
        f"made an instance in {made.directory}",
        *(f"the token of `{name}` is in {path}; it is theirs alone" for name, path in tokens.items()),
        *(notice or ["act as one of them with LICET_ADMINISTRATOR=NAME, or elsewhere with LICET_TOKEN"]),
        f"next: name your inference servers in {made.directory / 'licet.toml'}, "
        f"then `licet serve --dir {made.directory}`",
        as_json=as_json,
    )


def _people(texts: Sequence[str]) -> dict[str, frozenset[Role]]:
    """Names with their roles, as typed; a name alone may do all that is no audit."""
    found: dict[str, frozenset[Role]] = {}
    for text in texts:
        name, equals, roles = text.partition("=")
        listed = roles.split(",") if equals else sorted(ACTING)
        unknown = set(listed) - set(Role)
        if unknown or name.casefold() in {other.casefold() for other in found}:
            raise UsageError(f"expected NAME=ROLES of {', '.join(Role)}, each name once, found `{text}`")
        found[name] = frozenset(map(Role, listed))
    return found
