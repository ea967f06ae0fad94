"""A clock that tests can move forward, so that expiry is tested without waiting."""

import time
from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


class Clock:
    """Real time plus an offset in seconds. Everything that expires in a simulator asks this clock."""

    def __init__(self, offset=0.0):
        self.offset = float(offset)

    def time(self):
        """Seconds since the epoch, as a float."""
        return time.time() + self.offset

    def now_ms(self):
        """Milliseconds since the epoch, as an int: how entities keep their times."""
        return int(self.time() * 1000)

    def now(self):
        """The aware UTC datetime."""
        return EPOCH + timedelta(seconds=self.time())

    def advance(self, seconds):
        self.offset += float(seconds)
