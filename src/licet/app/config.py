"""Read `licet.toml`: upstreams, addresses, limits.

Every mistake is told with file, line, key and what was expected. Unknown keys are
mistakes. Counsel's readings and the policy's freshness are not here: they belong
to the signed policy bundle, so that nobody loosens one by editing a file.
"""

import ipaddress
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from yarl import URL

from licet.app.witness_address import WitnessAddress
from licet.directives import READINGS
from licet.errors import ConfigurationError
from licet.gateway.extras import has_tracing, has_websockets
from licet.gateway.network import Network
from licet.gateway.settings import Limits
from licet.gateway.upstream import Upstream
from licet.receipts import ED25519, ReceiptError, VerifierKey
from licet.terms import ID_PATTERN, Surface

_SECTIONS: Mapping[str, frozenset[str]] = {
    "instance": frozenset({"id", "audience"}),
    "store": frozenset({"url"}),
    "listen": frozenset({"gateway", "control"}),
    "log": frozenset({"witnesses"}),
    "gateway": frozenset(
        {"public_url", "trusted_proxies", "address_header", "workers", "drain_s", "gemini_live", "dpop_nonce"}
    ),
    "place": frozenset({"database", "max_age_days"}),
    "logging": frozenset({"access"}),
    "metrics": frozenset({"public", "token"}),
    "tracing": frozenset({"endpoint", "share"}),
    "people": frozenset({"pending_s"}),
    "enrollment": frozenset({"human_contact"}),
    "review": frozenset({"offered", "answer_hours"}),
    "limits": frozenset(
        {"body_bytes", "event_bytes", "body_idle_s", "connect_s", "first_byte_s", "idle_s", "log_max_bytes"}
        | {"socket_idle_s", "total_s", "key_requests", "connections"}
    ),
}
_ADDRESS_HEADER = re.compile(r"[A-Za-z][A-Za-z0-9-]{0,63}")
_CONTACT = re.compile(r"https://[!-~]{1,500}|[A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,253}")
_PLACE_AGE_DAYS = range(1, 366)
# From a minute, in which nobody else could have looked, to a month, in which nobody remembers.
_A_DAY_S = 86_400
_PENDING_S = range(60, 30 * _A_DAY_S + 1)
# Longer than a week is no promise to somebody who is cut off.
_ANSWER_HOURS = range(1, 169)
WORKERS = range(1, 65)
"""How many gateway processes there may be."""
_DRAIN_S = range(601)
_UPSTREAM_KEYS = frozenset({"base_url", "dialects", "credential", "credential_header"})
_CREDENTIAL_HEADERS = ("authorization", "x-api-key", "x-goog-api-key", "api-key")
# Upper bounds: a limit may be narrowed freely, and widened only so far that it still bounds.
_BOUNDS: Mapping[str, tuple[int, int]] = {
    "body_bytes": (1024, 256 * 1024 * 1024),
    "event_bytes": (1024, 64 * 1024 * 1024),
    "body_idle_s": (1, 600),
    "connect_s": (1, 60),
    "first_byte_s": (1, 600),
    "idle_s": (1, 600),
    "socket_idle_s": (1, 3600),
    "total_s": (1, 86_400),
    "key_requests": (1, 100_000),
    "connections": (16, 1_000_000),
    "log_max_bytes": (64 * 1024, 1 << 50),
}


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port; port 0 takes a free one."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Config:
    """Everything `licet.toml` says."""

    gateway_id: str
    audience: str
    store_url: str
    gateway: Address
    control: Address
    limits: Limits
    log_max_bytes: int | None
    upstreams: tuple[Upstream, ...]
    witnesses: tuple[WitnessAddress, ...] = ()
    access_log: bool = True
    metrics_public: bool = False
    metrics_token: str | None = None
    tracing_endpoint: str | None = None
    tracing_share: float = 1.0
    pending: timedelta = timedelta(days=1)
    network: Network = field(default_factory=Network)
    workers: int = 1
    drain_s: int = 30
    place_database: Path | None = None
    place_max_age: timedelta = timedelta(days=90)
    gemini_live: bool = False
    dpop_nonce: bool = False
    human_contact: str | None = None
    evidence_secrets: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    review_offered: bool = False
    review_within: timedelta = timedelta(hours=24)


def read_config(path: Path) -> Config:
    """Read the file.

    Raises:
        ConfigurationError: it is missing or wrong, or a setting would weaken a check.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as err:
        raise ConfigurationError(f"expected a file at `{path}`: {err.strerror}; `licet init` makes one") from err
    except UnicodeDecodeError as err:
        raise ConfigurationError(f"{path}: expected UTF-8: {err.reason} at byte {err.start}") from err
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as err:
        raise ConfigurationError(f"{path}: {err}") from err
    return _Reader(path, text, data).read()


@dataclass(frozen=True, slots=True)
class _Reader:
    """The file's text, for lines, and its value."""

    path: Path
    text: str
    data: Mapping[str, Any]

    def read(self) -> Config:
        self._refuse_unknown()
        limits = {name: self._limit(name) for name in _SECTIONS["limits"] if name in self.data.get("limits", {})}
        log_max_bytes = limits.pop("log_max_bytes", None)
        control = self._address("control", "127.0.0.1:8081")
        if not _is_loopback(control.host):
            raise self._wrong("listen", "control", "an address of this machine only, such as `127.0.0.1:8081`")
        return Config(
            gateway_id=self._id("id", "gateway"),
            audience=self._text("instance", "audience", default="licet"),
            store_url=self._store_url(),
            gateway=self._address("gateway", "127.0.0.1:8080"),
            control=control,
            limits=Limits(**limits),
            log_max_bytes=log_max_bytes,
            upstreams=tuple(self._upstream(name) for name in self.data["upstreams"]),
            witnesses=self._witnesses(),
            access_log=self._switch("logging", "access", default=True),
            metrics_public=self._switch("metrics", "public", default=False),
            metrics_token=self._metrics_token(),
            tracing_endpoint=self._tracing_endpoint(),
            tracing_share=self._tracing_share(),
            pending=self._pending(),
            network=self._network(),
            evidence_secrets=self._evidence_secrets(),
            workers=self._number("gateway", "workers", 1, WORKERS),
            drain_s=self._number("gateway", "drain_s", 30, _DRAIN_S),
            place_database=self._place_database(),
            place_max_age=timedelta(days=self._number("place", "max_age_days", 90, _PLACE_AGE_DAYS)),
            gemini_live=self._gemini_live(),
            dpop_nonce=self._switch("gateway", "dpop_nonce", default=False),
            human_contact=self._human_contact(),
            review_offered=self._switch("review", "offered", default=False),
            review_within=timedelta(hours=self._number("review", "answer_hours", 24, _ANSWER_HOURS)),
        )

    def _wrong(self, section: str, key: str | None, expected: str) -> ConfigurationError:
        where = f"{section}.{key}" if key else section
        found = self.data.get(section, {}) if "." not in section else self.data["upstreams"].get(section.split(".")[1])
        shown = f", found `{found[key]}`" if key and isinstance(found, dict) and key in found else ""
        if key in {"credential", "token"} or "@" in shown:
            shown = ""  # it may be the secret itself, put where its reference belongs
        return ConfigurationError(f"{self.path}:{self._line(section, key)}: `{where}`: expected {expected}{shown}")

    def _line(self, section: str, key: str | None) -> int:
        """The line of a key, else of its section, else the first."""
        best, inside = 0, False
        for number, line in enumerate(self.text.splitlines(), 1):
            header = re.match(r"\s*\[+\s*([^\]]+?)\s*\]+", line)
            if header:
                inside = f"{header[1]}.".replace('"', "").startswith(f"{section}.")
                best = best or (number if inside else 0)
            elif (key in _top(line)) if inside else (key is None and section in _top(line)):
                return number
        return best or 1

    def _refuse_unknown(self) -> None:
        for section, members in self.data.items():
            if section in {"upstreams", "evidence"}:
                continue
            readings = members.keys() & READINGS.keys() if isinstance(members, dict) else set[str]()
            if section in READINGS or readings:
                raise self._wrong(
                    section,
                    min(readings, default=None),
                    "no reading of counsel's here: use `licet parameter set`, which is signed and recorded",
                )
            if section not in _SECTIONS or not isinstance(members, dict):
                known = ", ".join(sorted({*_SECTIONS, "upstreams", "evidence"}))
                raise self._wrong(section, None, f"one of the sections {known}")
            for key in members.keys() - _SECTIONS[section]:
                raise self._wrong(section, key, f"one of the keys {', '.join(sorted(_SECTIONS[section]))}")
        upstreams = self.data.get("upstreams")
        if not isinstance(upstreams, dict) or not upstreams:
            raise self._wrong("upstreams", None, "at least one section such as `[upstreams.main]`")
        for name, members in upstreams.items():
            section = f"upstreams.{name}"
            if not isinstance(members, dict):
                raise self._wrong(section, None, "a section")
            for key in members.keys() - _UPSTREAM_KEYS:
                raise self._wrong(section, key, f"one of the keys {', '.join(sorted(_UPSTREAM_KEYS))}")

    def _text(self, section: str, key: str, *, default: str | None = None) -> str:
        members = self.data.get(section, {}) if "." not in section else self.data["upstreams"][section.split(".", 1)[1]]
        value = members.get(key, default)
        if not isinstance(value, str) or not 0 < len(value) <= 500:  # noqa: PLR2004  # longer is no address or name
            raise self._wrong(section, key, "a text")
        return value

    def _id(self, key: str, default: str) -> str:
        value = self._text("instance", key, default=default)
        if not re.fullmatch(ID_PATTERN, value):
            raise self._wrong("instance", key, f"an id of the form `{ID_PATTERN}`")
        return value

    def _limit(self, name: str) -> int:
        value = self.data["limits"][name]
        low, high = _BOUNDS[name]
        if type(value) is not int or not low <= value <= high:
            raise self._wrong("limits", name, f"a whole number from {low} to {high}")
        return value

    def _address(self, key: str, default: str) -> Address:
        host, colon, port = self._text("listen", key, default=default).rpartition(":")
        if not colon or not host or not port.isdecimal() or int(port) > 65_535:  # noqa: PLR2004  # the highest port
            raise self._wrong("listen", key, "a host and a port, such as `127.0.0.1:8080`")
        return Address(host.strip("[]"), int(port))

    def _store_url(self) -> str:
        url = self._text("store", "url", default="sqlite:///licet.db")
        prefix = "sqlite:///"
        if not url.startswith(prefix) or not url.removeprefix(prefix) or ":memory:" in url:
            raise self._wrong("store", "url", "a file such as `sqlite:///licet.db`")
        return prefix + str(self.path.parent.resolve() / url.removeprefix(prefix))

    def _upstream(self, name: str) -> Upstream:
        section = f"upstreams.{name}"
        try:
            url = URL(self._text(section, "base_url"))
        except ValueError as err:
            raise self._wrong(section, "base_url", "a URL such as `https://inference.internal`") from err
        if url.scheme not in {"http", "https"} or not url.host or url.user or url.query_string or url.fragment:
            raise self._wrong(section, "base_url", "a URL such as `https://inference.internal`")
        credential = self._credential(section)
        if credential is not None and url.scheme == "http" and not _is_loopback(url.host):
            raise self._wrong(section, "base_url", "`https://`, since a credential is sent there")
        listed = self.data["upstreams"][name].get("dialects", list(Surface))
        if not isinstance(listed, list) or not listed or not all(x in tuple(Surface) for x in listed):
            raise self._wrong(section, "dialects", f"a list of {', '.join(Surface)}")
        header = self.data["upstreams"][name].get("credential_header")
        if header is not None and header not in _CREDENTIAL_HEADERS:
            raise self._wrong(section, "credential_header", f"one of {', '.join(_CREDENTIAL_HEADERS)}")
        return Upstream(name, url, frozenset(map(Surface, listed)), credential, header)

    def _witnesses(self) -> tuple[WitnessAddress, ...]:
        expected = "a list of texts, each a witness's key and its URL: `name+id+key https://witness.example`"
        listed = self.data.get("log", {}).get("witnesses", [])
        if not isinstance(listed, list) or not all(isinstance(one, str) for one in listed):
            raise self._wrong("log", "witnesses", expected)
        try:
            found = tuple(map(_witness, listed))
        except (ValueError, ReceiptError) as err:
            raise self._wrong("log", "witnesses", expected) from err
        if len({one.key for one in found}) != len(found):
            raise self._wrong("log", "witnesses", "each witness once")
        return found

    def _switch(self, section: str, key: str, *, default: bool) -> bool:
        value = self.data.get(section, {}).get(key, default)
        if not isinstance(value, bool):
            raise self._wrong(section, key, "true or false")
        return value

    def _gemini_live(self) -> bool:
        wanted = self._switch("gateway", "gemini_live", default=False)
        if wanted and not has_websockets():
            raise self._wrong("gateway", "gemini_live", "the extra `realtime` to be installed")
        return wanted

    def _pending(self) -> timedelta:
        return timedelta(seconds=self._number("people", "pending_s", _A_DAY_S, _PENDING_S))

    def _number(self, section: str, key: str, default: int, allowed: range) -> int:
        value = self.data.get(section, {}).get(key, default)
        if type(value) is not int or value not in allowed:
            unit = "seconds" if key.endswith("_s") else "a whole number"
            raise self._wrong(section, key, f"{unit} from {allowed.start} to {allowed.stop - 1}")
        return value

    def _network(self) -> Network:
        """What is between callers and the gateway; a word that anybody could give is not taken."""
        members = self.data.get("gateway", {})
        listed = members.get("trusted_proxies", [])
        expected = 'a list of networks such as `["10.0.0.0/24"]`, none of which is every address'
        try:
            trusted = tuple(map(ipaddress.ip_network, listed)) if isinstance(listed, list) else None
        except ValueError as err:
            raise self._wrong("gateway", "trusted_proxies", expected) from err
        if trusted is None or not all(isinstance(x, str) for x in listed) or any(x.prefixlen == 0 for x in trusted):
            raise self._wrong("gateway", "trusted_proxies", expected)
        header = self._text("gateway", "address_header") if "address_header" in members else None
        if header is not None and (
            not trusted or not _ADDRESS_HEADER.fullmatch(header) or header.lower() == "forwarded"
        ):
            raise self._wrong(
                "gateway", "address_header", "a header that lists addresses alone, beside `trusted_proxies`"
            )
        return Network(trusted, None if header is None else header.lower().encode(), self._public_url())

    def _public_url(self) -> str | None:
        if "public_url" not in self.data.get("gateway", {}):
            return None
        text = self._text("gateway", "public_url")
        try:
            url = URL(text)
        except ValueError as err:
            raise self._wrong("gateway", "public_url", "a URL such as `https://api.example`") from err
        is_safe = url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host or ""))
        if not is_safe or not url.host or url.user or url.query_string or url.fragment:
            raise self._wrong("gateway", "public_url", "a URL such as `https://api.example`")
        return text

    def _human_contact(self) -> str | None:
        if "human_contact" not in self.data.get("enrollment", {}):
            return None
        text = self._text("enrollment", "human_contact")
        if not _CONTACT.fullmatch(text):
            raise self._wrong("enrollment", "human_contact", "an address of mail, or a URL that begins with `https://`")
        return text

    def _place_database(self) -> Path | None:
        if "database" not in self.data.get("place", {}):
            return None
        return self.path.parent / self._text("place", "database")

    def _tracing_endpoint(self) -> str | None:
        if "endpoint" not in self.data.get("tracing", {}):
            return None
        text, expected = self._text("tracing", "endpoint"), "a URL such as `https://collector.example/v1/traces`"
        try:
            url = URL(text)
        except ValueError as err:
            raise self._wrong("tracing", "endpoint", expected) from err
        is_safe = url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host or ""))
        if not is_safe or not url.host or url.user or url.query_string or url.fragment:
            raise self._wrong("tracing", "endpoint", expected)
        if not has_tracing():
            raise self._wrong("tracing", "endpoint", "the extra `tracing` to be installed")
        return text

    def _tracing_share(self) -> float:
        value = self.data.get("tracing", {}).get("share", 1.0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
            raise self._wrong("tracing", "share", "a number from 0 to 1")
        return float(value)

    def _metrics_token(self) -> str | None:
        if "token" not in self.data.get("metrics", {}):
            return None
        if self.data["metrics"].get("public") is True:
            raise self._wrong("metrics", "public", "no token beside it, since it would protect nothing")
        return self._secret("metrics", "token")

    def _refuse_unknown_evidence(self, sections: object) -> None:
        for name, members in sections.items() if isinstance(sections, dict) else [("", None)]:
            if not isinstance(members, dict) or set(members) != {"secrets"} or not re.fullmatch(ID_PATTERN, name):
                raise self._wrong("evidence", None, "sections such as `[evidence.persona]`, each with `secrets`")

    def _evidence_secrets(self) -> dict[str, tuple[str, ...]]:
        """The secrets that identity providers and vendors share with this gateway; several while they change over."""
        self._refuse_unknown_evidence(self.data.get("evidence", {}))
        found = {}
        for name, members in self.data.get("evidence", {}).items():
            listed = members["secrets"]
            if not isinstance(listed, list) or not listed or not all(isinstance(one, str) for one in listed):
                raise self._wrong(f"evidence.{name}", "secrets", "a list of references: `env:NAME` or `file:PATH`")
            found[name] = tuple(self._referred(one, f"evidence.{name}", "secrets") for one in listed)
        return found

    def _credential(self, section: str) -> str | None:
        if "credential" not in self.data["upstreams"][section.split(".", 1)[1]]:
            return None
        return self._secret(section, "credential")

    def _secret(self, section: str, key: str) -> str:
        return self._referred(self._text(section, key), section, key)

    def _referred(self, reference: str, section: str, key: str) -> str:
        kind, _, place = reference.partition(":")
        if kind == "env" and place:
            secret = os.environ.get(place, "")
        elif kind == "file" and place:
            file = self.path.parent / place
            secret = read_secret(file) if file.exists() else ""
        else:
            raise self._wrong(section, key, "a reference: `env:NAME` or `file:PATH`, never the secret itself")
        if not secret:
            raise self._wrong(section, key, "a variable or file that holds the secret")
        return secret


def read_secret(path: Path) -> str:
    """A secret from a file that only its owner can read.

    Raises:
        ConfigurationError: it is missing or no text, or others may read it.
    """
    try:
        mode = path.stat().st_mode & 0o777
        if mode & 0o077:
            raise ConfigurationError(f"expected `{path}` to be readable by its owner only (0600), found {mode:04o}")
        return path.read_text(encoding="utf-8").strip()
    except OSError as err:
        raise ConfigurationError(f"expected a secret at `{path}`: {err.strerror}") from err
    except UnicodeDecodeError as err:
        raise ConfigurationError(f"expected a secret in UTF-8 at `{path}`") from err


def _witness(text: str) -> WitnessAddress:
    """Read one. Over http a witness is on this machine: an answer could be held back, though not forged."""
    spelled, _, address = text.partition(" ")
    key, url = VerifierKey.parse(spelled), URL(address.strip())
    is_safe = url.scheme == "https" or (url.scheme == "http" and _is_loopback(url.host or ""))
    if key.kind == ED25519 or not is_safe or not url.host or url.user or url.query_string or url.fragment:
        raise ValueError("expected a witness's key and an https URL")
    return WitnessAddress(key, str(url).rstrip("/"))


def _top(line: str) -> set[str]:
    """The name before the equals sign of a top-level line, as a set."""
    found = re.match(r'\s*"?([A-Za-z0-9_-]+)"?\s*=', line)
    return {found[1]} if found else set()


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
