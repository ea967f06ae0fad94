"""Fixed-window rate limits and a limit of calls in progress, per key."""

import math


class FixedWindow:
    """At most ``limit`` calls in each window of ``length`` seconds; None switches it off.

    Windows of different keys start at different moments (``phase``), as providers' do.
    """

    def __init__(self, clock, length, limit):
        self.clock, self.length, self.limit = clock, length, limit
        self._used = {}

    def _slot(self, key):
        phase = hash_phase(key, self.length)
        now = self.clock.time()
        number = math.floor((now - phase) / self.length)
        ends = phase + (number + 1) * self.length
        return number, ends - now

    def used(self, key):
        number, _ = self._slot(key)
        kept = self._used.get(key)
        return kept[1] if kept and kept[0] == number else 0

    def remaining(self, key):
        return None if self.limit is None else max(0, self.limit - self.used(key))

    def retry_after(self, key):
        return max(1, math.ceil(self._slot(key)[1]))

    def count(self, key):
        number, _ = self._slot(key)
        self._used[key] = (number, self.used(key) + 1)

    def reset(self):
        self._used.clear()


class LimitSet:
    """Limits that can be changed by name: each name in ``defaults`` is an attribute with a ``limit``."""

    defaults = {}

    def change(self, values):
        """Set limits; null switches one off. Counting starts anew.

        :raise KeyError: no such limit
        :raise ValueError: no whole number
        """
        for name, value in values.items():
            if name not in self.defaults:
                raise KeyError(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(name)
        for name, value in values.items():
            getattr(self, name).limit = value
        self.restart()

    def restart(self):
        for name in self.defaults:
            window = getattr(self, name)
            if isinstance(window, FixedWindow):
                window.reset()

    def as_dict(self):
        return {name: getattr(self, name).limit for name in self.defaults}


class InProgress:
    """How many calls are under way per key."""

    def __init__(self, limit):
        self.limit = limit
        self._running = {}

    def running(self, key):
        return self._running.get(key, 0)

    def full(self, key):
        return self.limit is not None and self.running(key) >= self.limit

    def enter(self, key):
        self._running[key] = self.running(key) + 1

    def leave(self, key):
        self._running[key] = max(0, self.running(key) - 1)


def hash_phase(key, length):
    """A start of the window that is the same in every run, unlike ``hash()``."""
    return sum(key.encode()) % int(length)
