"""Webhooks of a simulator: signed, sent in the background, tried again, and logged for whoever asks."""

import asyncio
import base64
import hashlib
import hmac
from collections import deque
from itertools import count
from urllib.parse import urlsplit

import aiohttp

from . import jsonio
from .server import NotLoopback, check_loopback

#: what happens within so many seconds travels together
GATHERED = 0.05
#: seconds before each further try; what fails then waits for the next change (the real ones go on for a day and more)
RETRIES = (0.5, 2.0, 8.0)
KEPT = 1000
WRONG_KEY = "not the key of this app"


def signature(body, key):
    return base64.b64encode(hmac.new(key.encode(), body, hashlib.sha256).digest()).decode()


class Webhooks:
    """The one subscriber of a simulator. The simulator says what an event is and how a body looks."""

    def __init__(self, simulator):
        self._simulator = simulator
        self._numbers = count(1)
        self._stopped = False
        self._task = None
        self.forget()

    # === SUBSCRIBING === #

    @property
    def subscription(self):
        """``{"url", "key", "status": "ok" or "failed", "problem", …}``; None when nobody subscribed."""
        return self._simulator.meta.get("webhooks")

    async def subscribe(self, wanted):
        """Take, prove and keep a subscription; an empty url ends it.

        :raise ValueError: with a sentence
        """
        choices = self._simulator.webhook_choices()
        unknown = set(wanted) - {"url", "key", *choices}
        if unknown:
            raise ValueError(f"Unknown: {', '.join(sorted(unknown))}.")
        url, key = wanted.get("url"), wanted.get("key")
        self.forget()
        if url == "":
            self._simulator.meta.delete("webhooks")
            return
        if not isinstance(url, str) or not isinstance(key, str) or not key:
            raise ValueError("Say the url to call and the key to sign with.")
        self._check_url(url)
        values = {"url": url, "key": key, "status": "ok", "problem": ""}
        for name, allowed in choices.items():
            values[name] = wanted.get(name, allowed[0])
            if values[name] not in allowed:
                raise ValueError(f"{name} is one of {', '.join(allowed)}.")
        problem = await self._prove(values)
        if problem:
            values.update(status="failed", problem=problem)
        self._simulator.meta.put("webhooks", values)

    @staticmethod
    def _check_url(url):
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError("The url is an address with http or https.")
        try:
            check_loopback(parts.hostname)
        except NotLoopback as error:
            raise ValueError("A simulator calls this machine only: the url is on loopback.") from error

    async def _prove(self, subscription):
        """Does the subscriber tell a right signature from a wrong one? The problem in words, '' when it does."""
        for value in self._simulator.webhook_intents():
            for key, wanted in ((subscription["key"], 200), (WRONG_KEY, 401)):
                entry = await self._post(subscription, value, 0, key=key, wanted=wanted)
                if not entry["ok"]:
                    which = "right" if wanted == 200 else "wrong"
                    return f"With a {which} signature: {entry['problem']}."
        return ""

    # === RINGING === #

    def changed(self, changes):
        """Something was kept: tell the subscriber in the background."""
        subscription = self.subscription
        if not subscription or subscription["status"] != "ok" or self._stopped:
            return
        self._waiting += self._simulator.webhook_events(changes, subscription)
        if self._waiting and (self._task is None or self._task.done()):
            self._task = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self):
        while self._waiting:
            await asyncio.sleep(GATHERED)
            events = list(self._waiting)
            if not await self._deliver_one(events):
                return
            del self._waiting[: len(events)]

    async def _deliver_one(self, events):
        subscription = self.subscription
        value = self._simulator.webhook_body(events, subscription)
        self._simulator.store.flush()  # the numbers that the body took
        for pause in (0, *RETRIES):
            await asyncio.sleep(pause)
            entry = await self._post(subscription, value, len(events))
            if entry["ok"]:
                return True
        return False

    async def _post(self, subscription, value, events, key=None, wanted=200):
        """Send it once; the entry of the log."""
        body = jsonio.dumps(value).encode()
        headers = {
            "Content-Type": "application/json",
            self._simulator.webhook_header: signature(body, key or subscription["key"]),
        }
        entry = {
            "id": next(self._numbers),
            "time": self._simulator.clock.now().isoformat(),
            "events": events,
            "signed": "wrong" if key == WRONG_KEY else "right",
            "status": None,
            "problem": "",
        }
        timeout = aiohttp.ClientTimeout(total=self._simulator.webhook_timeout)
        try:
            async with (
                aiohttp.ClientSession(timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.post(
                    subscription["url"], data=body, headers=headers, allow_redirects=False
                ) as answer,
            ):
                entry["status"] = answer.status
                entry["problem"] = self._fault_of(answer, await answer.content.read(1), wanted)
        except asyncio.TimeoutError:
            entry["problem"] = f"no answer within {self._simulator.webhook_timeout:g} seconds"
        except (aiohttp.ClientError, OSError) as error:
            entry["problem"] = f"no answer ({type(error).__name__})"
        entry["ok"] = not entry["problem"]
        self.deliveries.append(entry)
        return entry

    def _fault_of(self, answer, content, wanted):
        if answer.status != wanted:
            return f"the answer was {answer.status}, not {wanted}"
        if self._simulator.webhook_strict and content:
            return "the answer has a body"
        if self._simulator.webhook_strict and "Set-Cookie" in answer.headers:
            return "the answer sets a cookie"
        return ""

    # === CONTROL === #

    def as_dict(self):
        """Everything but the key."""
        shown = {name: value for name, value in (self.subscription or {}).items() if name != "key"}
        return {
            "url": "",
            "status": "off",
            "problem": "",
            **shown,
            "waiting": len(self._waiting),
            "deliveries": list(self.deliveries),
        }

    def forget(self):
        """Nothing waits and nothing was sent."""
        if self._task is not None:
            self._task.cancel()
        self._task = None
        self._waiting = []
        self.deliveries = deque(maxlen=KEPT)

    def stop(self):
        self._stopped = True
        if self._task is not None:
            self._task.cancel()
