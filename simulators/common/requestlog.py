"""What was asked of a simulator. Values of query parameters, bodies and tokens are never kept."""

from collections import deque
from itertools import count


class RequestLog:
    """The last requests, oldest first. An entry is a dict; see ``GET /_sim/requests`` in the README."""

    def __init__(self, size=50_000):
        self._entries = deque(maxlen=size)
        self._numbers = count(1)

    def start(self, **values):
        entry = {"id": next(self._numbers), "status": None, "fault": None, **values}
        self._entries.append(entry)
        return entry

    def since(self, number=0):
        return [entry for entry in self._entries if entry["id"] > number]

    def clear(self):
        self._entries.clear()
