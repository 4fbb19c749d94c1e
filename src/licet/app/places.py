"""Where an instance keeps its things."""

from dataclasses import dataclass
from pathlib import Path

from licet.logwriter import database_path, socket_path


@dataclass(frozen=True, slots=True)
class Places:
    """The files under an instance's directory."""

    directory: Path

    @property
    def config(self) -> Path:
        """Addresses, upstreams, limits."""
        return self.directory / "licet.toml"

    @property
    def administrator_token(self) -> Path:
        """The token of the one administrator of an instance made for a single person."""
        return self.directory / "admin.token"

    def token_of(self, name: str) -> Path:
        """The token of an administrator, until it is handed over."""
        return self.directory / "tokens" / f"{name}.token"

    @property
    def secrets(self) -> Path:
        """The folder of keys."""
        return self.directory / "secrets"

    @property
    def policy_key(self) -> Path:
        """The key that signs policy bundles, a private JWK."""
        return self.secrets / "policy.jwk"

    @property
    def pepper(self) -> Path:
        """The secret under which API keys and evidence are hashed."""
        return self.secrets / "pepper"

    @property
    def standing_key(self) -> Path:
        """Signs standing tokens."""
        return self.secrets / "standing.jwk"

    @property
    def staged(self) -> Path:
        """Where files wait that were handed in, between their check and their act."""
        return self.directory / "staged"

    @property
    def reviews(self) -> Path:
        """Where documents are held that reviewers look at; nothing that copies an instance goes there."""
        return self.directory / "reviews"

    @property
    def objects(self) -> Path:
        """Whose the objects are that upstreams keep."""
        return self.directory / "objects.db"

    @property
    def use_book(self) -> Path:
        """How much was used, by whom and of what."""
        return self.directory / "use.db"

    @property
    def run(self) -> Path:
        """What exists only while the instance serves, and the highest epoch seen."""
        return self.directory / "run"

    @property
    def announcement(self) -> Path:
        """Where the instance listens."""
        return self.run / "instance.json"

    @property
    def lock(self) -> Path:
        """Held by the process that serves."""
        return self.run / "instance.lock"

    @property
    def control_lock(self) -> Path:
        """Held by the control process."""
        return self.run / "control.lock"

    @property
    def processes(self) -> Path:
        """Which processes serve the instance."""
        return self.run / "processes.json"

    @property
    def uses(self) -> Path:
        """What was used, of this run."""
        return self.run / "uses.db"

    @property
    def feed(self) -> Path:
        """Where the control process gives the workers what is new."""
        return self.run / "feed.sock"

    @property
    def orders(self) -> Path:
        """Stop orders given on this machine; what is here is in force."""
        return self.directory / "orders"

    @property
    def epoch(self) -> Path:
        """The highest policy epoch seen."""
        return self.directory / "policy.epoch"

    @property
    def log(self) -> Path:
        """The record log."""
        return database_path(self.directory)

    @property
    def log_socket(self) -> Path:
        """Where the log writer listens."""
        return socket_path(self.directory)


def log_path(directory: Path) -> Path:
    """The record log of an instance."""
    return Places(directory).log
