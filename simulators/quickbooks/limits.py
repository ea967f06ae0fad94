"""QuickBooks' rate limits (provider_facts B3)."""

from ..common.limits import FixedWindow, InProgress, LimitSet

DEFAULTS = {"minute": 500, "concurrent": 10, "batch": 40, "appminute": 800, "day": None}


class Limits(LimitSet):
    """500 calls a minute and realm; per realm and app 10 at once, 40 batches and 800 calls of all kinds a minute.

    There is no daily limit; ``day`` is there to be set in tests that drive several simulators alike.
    """

    defaults = DEFAULTS

    def __init__(self, clock):
        self.minute = FixedWindow(clock, 60, DEFAULTS["minute"])
        self.batch = FixedWindow(clock, 60, DEFAULTS["batch"])
        self.appminute = FixedWindow(clock, 60, DEFAULTS["appminute"])
        self.day = FixedWindow(clock, 86_400, DEFAULTS["day"])
        self.concurrent = InProgress(DEFAULTS["concurrent"])

    @staticmethod
    def _windows(realm, app, batch):
        both = f"{realm} {app}"
        return (("day", realm), ("batch", both) if batch else ("minute", realm), ("appminute", both))

    def problem(self, realm, app, batch):
        """The limit that this call would break, or None. A refused call is not counted."""
        if self.concurrent.full(f"{realm} {app}"):
            return "concurrent"
        for name, key in self._windows(realm, app, batch):
            if getattr(self, name).remaining(key) == 0:
                return name
        return None

    def count(self, realm, app, batch):
        for name, key in self._windows(realm, app, batch):
            getattr(self, name).count(key)
