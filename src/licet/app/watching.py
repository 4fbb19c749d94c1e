"""Drafts that are watched, at every worker, and the requests that all of them answer."""

import logging
from typing import TypeVar

from licet.decisions import Request
from licet.errors import LicetError, NotFoundError, UnavailableError
from licet.fleet import Counted, Feed, Link
from licet.fleet.wire import Question, Running, Unwatch, Watch, Watched

_log = logging.getLogger("licet.app")
_PATIENCE_S = 5.0
Answer = TypeVar("Answer")


class Workers:
    """The workers as those who watch a draft; one that comes later watches what the others do.

    Attributes:
        feed: Where they are.
    """

    def __init__(self) -> None:
        self.feed: Feed | None = None
        self._wanted: dict[str, Watch] = {}

    async def joined(self, link: Link) -> None:
        """Have a worker that has come watch what is watched. One that comes again watches it already."""
        for wanted in list(self._wanted.values()):
            try:
                await link.channel.ask(wanted, Counted, _PATIENCE_S)
            except LicetError as err:
                if err.code != "already_observed":
                    _log.warning("worker %d does not watch a draft: %s", link.slot, err)

    async def watch(self, draft: Watch) -> list[Counted]:
        """Watch a draft from now on, also at workers that come later.

        Raises:
            LicetError: it cannot be watched.
        """
        found = await self._ask(draft, Counted)
        self._wanted[found[0].name] = draft
        return found

    async def unwatch(self, name: str) -> list[Counted]:
        """Watch it no longer; what was counted.

        Raises:
            NotFoundError: nobody watches it.
        """
        if self._wanted.pop(name, None) is None:
            raise NotFoundError(f"expected a draft that is watched, found `{name}`", code="not_observed")
        return await self._ask(Unwatch(name), Counted)

    async def watched(self) -> list[list[Counted]]:
        """What was counted, by draft, in the order in which they began."""
        by_name: dict[str, list[Counted]] = {name: [] for name in self._wanted}
        for counted in await self._ask(Watched(), list[Counted]):
            for one in counted:
                by_name.setdefault(one.name, []).append(one)
        return [found for found in by_name.values() if found]

    async def running(self) -> list[Request]:
        """The requests whose answers are being given."""
        return [request for found in await self._ask(Running(), list[Request]) for request in found]

    async def _ask(self, question: Question, kind: type[Answer]) -> list[Answer]:
        """What those answered who did; where none did, what the first said instead."""
        if self.feed is None:
            raise UnavailableError("expected workers, found none")
        answers = await self.feed.ask_all(question, kind, _PATIENCE_S)
        found = [answer for answer in answers.values() if not isinstance(answer, LicetError)]
        if not found:
            raise next(
                (one for one in answers.values() if isinstance(one, LicetError)),
                UnavailableError("no worker answers", code="process_silent"),
            )
        return found
