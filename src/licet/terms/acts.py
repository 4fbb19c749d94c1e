"""What can be done with an item, and the wire shape in which it is asked for."""

from enum import StrEnum


class Act(StrEnum):
    """Acts the EAR controls.

    Source: 15 CFR 734.13 (export), 734.14 (reexport), 734.16 (transfer
    in-country), 734.15 (release; 734.13(a)(2) calls one in the US a deemed export).
    """

    EXPORT = "export"
    REEXPORT = "reexport"
    TRANSFER_IN_COUNTRY = "transfer_in_country"
    RELEASE = "release"


class Surface(StrEnum):
    """The wire dialect of a request; refusals are written in the same one."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    GEMINI = "gemini"
