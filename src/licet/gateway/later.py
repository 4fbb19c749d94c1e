"""Call back whoever has waited for a certain time, by one timer for all of them."""

import asyncio
from collections.abc import Callable


class Later:
    """Who began to wait is called once that time is over, unless they have ended before.

    Most waits of a gateway end long before, and to set a timer for each and take it back
    costs more than they do. All wait equally long: who began first is due first.
    Belongs to one event loop, which it knows: to ask which one runs takes a call of the
    system each time before Python 3.12.
    """

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._waiting: dict[int, tuple[float, Callable[[], object]]] = {}
        self._count = 0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        """The event loop; asked from within it."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def begin(self, call: Callable[[], object]) -> int:
        """Have this called later; the number is for `end`."""
        loop = self._loop or self.loop
        self._count += 1
        due = loop.time() + self._delay_s
        self._waiting[self._count] = due, call
        if self._timer is None:
            self._timer = loop.call_at(due, self._look, loop)
        return self._count

    def end(self, number: int) -> None:
        """Call nobody; said again, or too late, it changes nothing."""
        self._waiting.pop(number, None)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        self._timer = None
        now = loop.time()
        while self._waiting:
            number, (due, call) = next(iter(self._waiting.items()))
            if due > now:
                self._timer = loop.call_at(due, self._look, loop)
                return
            del self._waiting[number]
            call()
