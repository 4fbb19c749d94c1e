"""Sign a policy bundle, and accept only one that is signed and not older than the last."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import OKPKey

from licet.directives import PolicyBundle
from licet.errors import ConfigurationError, InputError, TrustError, UnavailableError
from licet.processes import in_turn
from licet.terms import canonical_json

TYPE = "licet-policy+jws"
_ALGORITHMS = ["Ed25519"]
_PATIENCE_S = 0.25


def sign_bundle(bundle: PolicyBundle, key: OKPKey) -> str:
    """A compact JWS over the bundle's canonical JSON.

    Source: RFC 7515; RFC 9864 for the algorithm's name.
    """
    header = {"alg": "Ed25519", "typ": TYPE}
    return jws.serialize_compact(header, canonical_json(bundle.to_value()), key, algorithms=_ALGORITHMS)


class PolicyVerifier:
    """Verify bundles against one public key, and never go back to an earlier epoch.

    The highest epoch seen is kept in a file, so that a restart does not forget it. The
    processes of a host share the file: what one has seen, none goes back behind, and
    a lock beside it lets one at a time read and write.

    Raises:
        ConfigurationError: the file holds no epoch.
    """

    def __init__(self, key: OKPKey, epoch_file: Path) -> None:
        self._key = key
        self._file = epoch_file
        self._highest = _read_epoch(epoch_file)

    def verify(self, token: str) -> PolicyBundle:
        """The bundle inside a token.

        Raises:
            TrustError: the signature, the type or the epoch is not to be believed.
            UnavailableError: the epoch could not be written down.
        """
        try:
            signed = jws.deserialize_compact(token, self._key, algorithms=_ALGORITHMS)
            if signed.headers().get("typ") != TYPE:
                raise TrustError(f"expected a token of the type `{TYPE}`", code="policy_untrusted")
            bundle = PolicyBundle.from_value(json.loads(signed.payload or b""))
        except (JoseError, InputError, ValueError) as err:
            raise TrustError(f"the policy bundle does not verify: {err}", code="policy_untrusted") from err
        with self._alone():
            highest = max(self._highest, _read_epoch(self._file))
            if bundle.epoch < highest:
                raise TrustError(
                    f"policy went backwards: expected at least epoch `{highest}`, found `{bundle.epoch}`",
                    code="policy_rollback",
                )
            if bundle.epoch > highest:
                self._remember(bundle.epoch)
        self._highest = bundle.epoch
        return bundle

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock that the processes of a host share; whoever has it keeps it for an instant only."""
        try:
            with in_turn(self._file, _PATIENCE_S):
                yield
        except OSError as err:
            raise UnavailableError(f"the policy's epoch could not be looked up: {err}") from err

    def _remember(self, epoch: int) -> None:
        fresh = self._file.with_suffix(".new")
        try:
            fresh.write_text(str(epoch), encoding="ascii")
            fresh.replace(self._file)
        except OSError as err:
            raise UnavailableError(f"the policy's epoch could not be written down: {err}") from err


def _read_epoch(file: Path) -> int:
    try:
        text = file.read_text(encoding="utf-8") if file.exists() else "0"
    except (OSError, UnicodeDecodeError) as err:
        raise ConfigurationError(f"expected the highest policy epoch seen in `{file}`: {err}") from err
    if not text.strip().isdecimal():
        raise ConfigurationError(f"expected the highest policy epoch seen in `{file}`, found `{text[:64]}`")
    return int(text)
