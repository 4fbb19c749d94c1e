"""`licet directive check`: read a directive file, compile it, and compare it with a catalogue."""

from pathlib import Path

from licet.cli.directives import send_file, summary
from licet.cli.files import read_text
from licet.cli.instance import find_instance, is_named
from licet.cli.output import print_json, say
from licet.cli.tables import members_table, print_table
from licet.directives import compile_directive, from_document, parse_directive
from licet.errors import UnavailableError
from licet.law import read_country_groups


def check_file(file: Path, *, cedar: bool, directory: Path | None, as_json: bool) -> None:
    """Check a file and print what it says, or its rules."""
    text = read_text(file)
    document = parse_directive(text, str(file), read_country_groups(), None)
    rules = compile_directive(from_document(document)).cedar
    against = _check_there(file, text, directory)
    if as_json:
        print_json({**summary(document), "checked_against_catalogue": against, "cedar": rules})
    elif cedar:
        say(None, rules.rstrip(), as_json=False)
    else:
        print_table(members_table(summary(document)))
        say(None, "valid" if against else "valid by itself; its items were compared with no catalogue", as_json=False)


def _check_there(file: Path, text: str, directory: Path | None) -> bool:
    """Check against the catalogue of the instance, if one is named and runs."""
    if not is_named(directory):
        return False
    try:
        send_file(find_instance(directory), "/directives/check", file, text)
    except UnavailableError as err:
        if err.code == "not_running":
            return False
        raise
    return True
