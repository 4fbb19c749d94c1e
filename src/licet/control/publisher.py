"""Build the policy bundle from the store, sign it, keep it fresh, and hand it on."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from joserfc.jwk import OKPKey

from licet.directives import PolicyBundle, compile_policy, with_settings
from licet.fleet import Clock, sign_bundle
from licet.stores import Store, Transaction

_log = logging.getLogger("licet.control")
_RENEWALS_A_LIFETIME = 3
_RETRY_S = 5.0


class Publisher:
    """The one who signs.

    Args:
        deliver: Takes a signed bundle to every gateway.
    """

    def __init__(self, store: Store, key: OKPKey, clock: Clock, deliver: Callable[[str], None]) -> None:
        self._store = store
        self._key = key
        self._clock = clock
        self._deliver = deliver
        self._changed = asyncio.Event()
        self._interval_s = 1.0

    def bundle(self, tx: Transaction, at: datetime) -> PolicyBundle:
        """The bundle of what the transaction holds, fresh from an instant."""
        settings = tx.settings()
        parameters = with_settings({setting.name: setting for setting in settings})
        return PolicyBundle(
            epoch=int(tx.meta("epoch")),
            issued_at=at,
            fresh_until=at + timedelta(seconds=parameters.policy_max_age_s),
            settings=settings,
            documents=tuple(stored.document for stored in tx.directives()),
            pinned=tx.pinned(),
            law=tx.law(),
        )

    def next_bundle(self, tx: Transaction, at: datetime) -> PolicyBundle:
        """The bundle of what the transaction holds, under a new epoch, compiled once to see that it holds.

        Raises:
            LicetError: the content does not compile; the transaction must not commit.
        """
        epoch = int(tx.meta("epoch")) + 1
        tx.set_meta("epoch", str(epoch))
        bundle = self.bundle(tx, at)
        compile_policy(bundle)
        tx.keep_policy(bundle.digest, bundle.to_value())
        return bundle

    def publish(self, bundle: PolicyBundle) -> None:
        """Sign and deliver."""
        self._interval_s = (bundle.fresh_until - bundle.issued_at).total_seconds() / _RENEWALS_A_LIFETIME
        self._deliver(sign_bundle(bundle, self._key))
        self._changed.set()

    def keep(self) -> None:
        """Keep what is in force by its digest, also where no act of this version brought it there.

        Raises:
            UnavailableError: the store did not answer.
        """
        with self._store.write() as tx:
            bundle = self.bundle(tx, self._clock.now())
            tx.keep_policy(bundle.digest, bundle.to_value())

    def renew(self) -> None:
        """Sign what the store holds again, fresh from now.

        Raises:
            LicetError: the store did not answer or its content does not compile.
        """
        with self._store.read() as tx:
            bundle = self.bundle(tx, self._clock.now())
        self.publish(bundle)

    @asynccontextmanager
    async def renewing(self) -> AsyncIterator[None]:
        """Keep and sign what the store holds, and renew it three times within its lifetime while the block runs.

        Raises:
            LicetError: the store did not answer or its content does not compile.
        """
        self.keep()
        self.renew()
        task = asyncio.create_task(self._renew_forever())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def _renew_forever(self) -> None:
        wait_s = self._interval_s
        while True:
            self._changed.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await self._changed.wait()
                wait_s = self._interval_s
            except TimeoutError:
                try:
                    self.renew()
                    wait_s = self._interval_s
                except Exception:  # noqa: BLE001  # a task that ends would never renew again
                    # The bundle goes stale, and what is restricted stops by itself, until a renewal succeeds.
                    _log.exception("the policy could not be renewed")
                    wait_s = min(self._interval_s, _RETRY_S)
