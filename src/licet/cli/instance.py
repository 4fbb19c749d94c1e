"""Find the instance a command is about, and call its control API.

`--dir` comes first, then LICET_CONTROL (a URL), then LICET_DIR. The token is
LICET_TOKEN, else that of LICET_ADMINISTRATOR in the directory's `tokens`, else the only
one that is there: where there are two, a command must be told whose act it is.
"""

import os
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

from licet.cli.files import read_json, read_text
from licet.cli.usage import UsageError
from licet.cli.wire import call, segment
from licet.errors import ConfigurationError, InputError, LicetError, UnavailableError


class Instance(NamedTuple):
    """A running instance, as an administrator reaches it."""

    control: str
    token: str
    directory: Path | None

    def get(self, path: str, patience_s: float | None = None) -> Any:
        """Ask; `patience_s` waits for as long as that and not as is usual.

        Raises:
            LicetError: the instance refused or did not answer.
        """
        return self._call(path, None, patience_s)

    def post(self, path: str, body: object, patience_s: float | None = None) -> Any:
        """Act; `patience_s` waits for less than is usual.

        Raises:
            LicetError: the instance refused or did not answer.
        """
        return self._call(path, body, patience_s)

    def _call(self, path: str, body: object | None, patience_s: float | None = None) -> Any:
        try:
            return call(self.control.rstrip("/") + path, self.token, body, patience_s)
        except UnavailableError as err:
            if err.code == "not_running" and self.directory is not None:
                raise _not_running(self.directory) from err
            raise


def find_instance(directory: Path | None) -> Instance:
    """The instance that is meant.

    Raises:
        UsageError: nothing says which.
        ConfigurationError: there is none at the place named, or no token for it.
        UnavailableError: it is not running.
    """
    url = os.environ.get("LICET_CONTROL")
    if directory is None and url:
        token = os.environ.get("LICET_TOKEN")
        if not token:
            raise ConfigurationError("expected an administrator's token in LICET_TOKEN", code="no_token")
        return Instance(url, token, None)
    found = find_directory(directory)
    return Instance(running_in(found)["control"], _token(found), found)


def find_directory(directory: Path | None) -> Path:
    """The directory that is meant.

    Raises:
        UsageError: nothing says which.
        ConfigurationError: it holds no instance.
    """
    named = directory or (Path(os.environ["LICET_DIR"]) if os.environ.get("LICET_DIR") else None)
    if named is None:
        raise UsageError("expected the instance's directory: give --dir DIR or set LICET_DIR")
    if not (named / "licet.toml").is_file():
        raise ConfigurationError(f"`{named}` holds no instance; make one with `licet init {named}`", code="no_instance")
    return named


def is_remote(directory: Path | None) -> bool:
    """Whether only the control API is named, and no directory."""
    return directory is None and bool(os.environ.get("LICET_CONTROL"))


def is_named(directory: Path | None) -> bool:
    """Whether the person says which instance is meant."""
    return directory is not None or any(os.environ.get(name) for name in ("LICET_CONTROL", "LICET_DIR"))


def running_in(directory: Path) -> dict[str, Any]:
    """Where the instance of a directory listens, and which process it is.

    Raises:
        UnavailableError: it is not running.
    """
    try:
        value = read_json(directory / "run" / "instance.json")
    except InputError as err:
        raise _not_running(directory) from err
    if not isinstance(value.get("control"), str):
        raise _not_running(directory)
    return value


def _token(directory: Path) -> str:
    token = os.environ.get("LICET_TOKEN")
    if token:
        return token
    try:
        return read_text(token_file(directory)).strip()
    except InputError as err:
        raise ConfigurationError(f"expected an administrator's token: {err}", code="no_token") from err


def token_file(directory: Path) -> Path:
    """The file with the token of whoever acts.

    Raises:
        ConfigurationError: nothing says who that is.
    """
    name = os.environ.get("LICET_ADMINISTRATOR")
    if name:
        return directory / "tokens" / f"{segment(name)}.token"
    found = [path for path in (directory / "admin.token", *sorted(directory.glob("tokens/*.token"))) if path.is_file()]
    if len(found) == 1:
        return found[0]
    raise ConfigurationError(
        f"expected whose act it is: the token in LICET_TOKEN, or a name of `{directory / 'tokens'}` "
        "in LICET_ADMINISTRATOR",
        code="no_token",
    )


def administrator_of(directory: Path) -> str:
    """The name by which an act on this machine goes: whose token it would be, or the account's."""
    try:
        file = token_file(directory)
    except ConfigurationError:
        return _account()
    return file.stem if file.parent.name == "tokens" else _account()


def _account() -> str:
    return f"local:{import_module('getpass').getuser()}"


def _not_running(directory: Path) -> LicetError:
    return UnavailableError(
        f"the instance in `{directory}` is not running; start it with `licet serve --dir {directory}`",
        code="not_running",
    )
