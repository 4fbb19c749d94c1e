"""Options that many commands share."""

from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Dir: TypeAlias = Annotated[
    Path | None, typer.Option("--dir", help="The instance's directory; else LICET_DIR.", show_default=False)
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="Print one JSON value and nothing else.")]

Despite: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--despite-proof",
        metavar="REASON",
        help="Why it is to take effect though its proof fails; it takes two persons.",
        show_default=False,
    ),
]
