"""The one error that is about how a command was typed."""

from licet.errors import LicetError


class UsageError(LicetError):
    """The command was typed in a way that has no meaning."""

    code = "usage"
