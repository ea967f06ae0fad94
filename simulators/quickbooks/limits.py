"""QuickBooks' rate limits (provider_facts B3)."""

from ..common.limits import FixedWindow, InProgress

DEFAULTS = {"minute": 500, "concurrent": 10, "batch": 40, "appminute": 800, "day": None}


class Limits:
    """500 calls a minute and realm; per realm and app 10 at once, 40 batches and 800 calls of all kinds a minute.

    There is no daily limit; ``day`` is there to be set in tests that drive several simulators alike.
    """

    def __init__(self, clock):
        self.minute = FixedWindow(clock, 60, DEFAULTS["minute"])
        self.batch = FixedWindow(clock, 60, DEFAULTS["batch"])
        self.appminute = FixedWindow(clock, 60, DEFAULTS["appminute"])
        self.day = FixedWindow(clock, 86_400, DEFAULTS["day"])
        self.concurrent = InProgress(DEFAULTS["concurrent"])

    def change(self, values):
        """Set limits; null switches one off. Counting starts anew.

        :raise KeyError: no such limit
        :raise ValueError: no whole number
        """
        for name, value in values.items():
            if name not in DEFAULTS:
                raise KeyError(name)
            if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
                raise ValueError(name)
        for name, value in values.items():
            getattr(self, name).limit = value
        for window in (self.minute, self.batch, self.appminute, self.day):
            window.reset()

    def as_dict(self):
        return {name: getattr(self, name).limit for name in DEFAULTS}

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
