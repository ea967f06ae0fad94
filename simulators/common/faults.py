"""Faults that tests order: the network and the provider misbehaving at a chosen call.

``timeout_before``, ``reset``, ``429:…``, ``status:NNN`` and so on act *instead of* the call; ``timeout_after``,
``reset_after``, ``truncated``, ``wrong_content_type``, ``unknown_enum`` and ``null_value`` act on the answer of a call
that took effect.
``html`` and ``empty`` replace the call, or with ``"after": true`` its answer only. ``slow:SECONDS`` delays the call.
"""

import asyncio
import re
import socket
import struct

from aiohttp import web

BEFORE = {"timeout_before", "reset", "html", "empty"}
AFTER = {"timeout_after", "reset_after", "truncated", "wrong_content_type", "unknown_enum", "null_value"}
RATE_LIMITS = {"minute", "day", "concurrent", "appminute"}
HTML = "<html><head><title>Service unavailable</title></head><body><h1>We'll be back soon</h1></body></html>"


class Fault:
    """One ordered fault: which calls it hits, what it does, and how many times it is left."""

    def __init__(self, fault, method=None, path=None, times=1, after=None, skip=0, own=None):
        self.name, _, self.argument = str(fault).partition(":")
        own = own or {}
        self.spelled = str(fault)
        self.method = method.upper() if method and method != "*" else None
        self.pattern = re.compile(path or "")
        self.times = None if times is None else int(times)
        self.skip = int(skip)
        self.fired = 0
        if self.name == "status":
            if not re.fullmatch(r"[2-5]\d\d", self.argument):
                raise ValueError("status:NNN needs an HTTP status between 200 and 599")
        elif self.name == "429":
            if self.argument not in RATE_LIMITS:
                raise ValueError("429:… is one of " + ", ".join(sorted(RATE_LIMITS)))
        elif self.name == "slow":
            float(self.argument)
        elif self.name == "html" and self.argument:
            int(self.argument)
        elif self.name not in BEFORE | AFTER | set(own):
            raise ValueError(f"unknown fault {self.spelled!r}")
        if after is not None and self.name not in ("html", "empty", "status"):
            raise ValueError(f'"after" has no meaning for {self.spelled!r}')
        self.after = bool(after) or self.name in AFTER or own.get(self.name) == "after"

    def matches(self, method, path):
        return (
            (self.times is None or self.times > 0)
            and self.method in (None, method)
            and self.pattern.search(path) is not None
        )

    def take(self):
        """Count this firing; False while calls are still to be let through first."""
        if self.skip > 0:
            self.skip -= 1
            return False
        self.fired += 1
        if self.times is not None:
            self.times -= 1
        return True

    def as_dict(self):
        return {
            "fault": self.spelled,
            "method": self.method,
            "path": self.pattern.pattern,
            "times": self.times,
            "skip": self.skip,
            "after": self.after,
            "fired": self.fired,
        }


class Faults:
    """The ordered faults, first come first served.

    :param own: faults that only this provider has, and whether they act ``before`` (instead of) or ``after`` the call
    """

    def __init__(self, own=None):
        self._faults = []
        self._own = own or {}
        self.stopping = asyncio.Event()

    def add(self, **values):
        fault = Fault(**values, own=self._own)
        self._faults.append(fault)
        return fault

    def clear(self):
        self._faults.clear()

    def as_list(self):
        return [fault.as_dict() for fault in self._faults]

    def pick(self, method, path):
        """The fault that hits this call, or None."""
        for fault in self._faults:
            if fault.matches(method, path) and fault.take():
                return fault
        return None

    async def hold(self, request):
        """Keep the connection open without an answer until the client gives up or the server stops."""
        while (
            not self.stopping.is_set()
            and request.transport is not None
            and not request.transport.is_closing()
        ):
            try:
                await asyncio.wait_for(self.stopping.wait(), 0.2)
            except asyncio.TimeoutError:
                continue
        return web.Response(status=408)


def reset_connection(request):
    """Close the connection with a TCP RST, as a crashing peer or a middlebox does."""
    transport = request.transport
    if transport is not None:
        connection = transport.get_extra_info("socket")
        if connection is not None:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response(status=408)


async def truncate(request, response):
    """Send the headers of the whole answer, half of its body, and hang up."""
    body = response.body or b"{}"
    partial = web.StreamResponse(status=response.status, headers=response.headers)
    partial.content_length = len(body)
    await partial.prepare(request)
    await partial.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return partial


def html_answer(status):
    return web.Response(status=status, text=HTML, content_type="text/html")
