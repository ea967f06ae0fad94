"""``Idempotency-Key`` (provider_facts A4): 6 minutes from the first call, per app, answers replayed, repeats wait."""

import asyncio
import base64
import hashlib

from aiohttp import web

from .errors import bad_request

LIFETIME = 6 * 60
MAX_LENGTH = 128
KEPT_HEADERS = ("Content-Type",)


def fingerprint(request, body):
    """What makes a request the same: method, address with its parameters, organisation and body."""
    digest = hashlib.sha256()
    for part in (request.method, request.path_qs, request.headers.get("xero-tenant-id", "")):
        digest.update(part.encode() + b"\0")
    digest.update(body)
    return digest.hexdigest()


class IdempotencyKeys:
    """Answers by app and key. They outlive a restart of the simulator, as they would at Xero."""

    def __init__(self, store, clock):
        self._answers = store.collection("idempotency")
        self._clock = clock
        self._running = {}

    async def run(self, app, request, body, call):
        """Answer ``request``: ``await call()`` once for its key, the kept answer for every repeat.

        A repeat that comes while the first is under way waits for it. Server errors are kept too.
        """
        key = request.headers.get("Idempotency-Key")
        if not key:
            return await call()
        if len(key) > MAX_LENGTH:
            return bad_request(
                "ValidationException",
                f"Idempotency Key: must not be longer than {MAX_LENGTH} characters.",
                10,
            )
        slot = f"{app} {key}"
        wanted = fingerprint(request, body)
        running = self._running.get(slot)
        if running is not None:
            if running[0] != wanted:
                return self._different(key)
            await running[1].wait()
        kept = self._answers.get(slot)
        if kept is not None and self._clock.time() - kept["first"] < LIFETIME:
            return self._replay(kept) if kept["fingerprint"] == wanted else self._different(key)
        done = asyncio.Event()
        self._running[slot] = (wanted, done)
        first = int(self._clock.time())
        try:
            response = await call()
            self._keep(slot, wanted, first, response)
            return response
        finally:
            del self._running[slot]
            done.set()

    @staticmethod
    def _different(key):
        return bad_request(
            "ValidationException", f"Idempotency Key: {key} is used with a different request.", 10
        )

    def _keep(self, slot, wanted, first, response):
        self._forget_old()
        self._answers.put(
            slot,
            {
                "fingerprint": wanted,
                "first": first,
                "status": response.status,
                "headers": {
                    name: response.headers[name] for name in KEPT_HEADERS if name in response.headers
                },
                "body": base64.b64encode(response.body or b"").decode(),
            },
        )

    def _forget_old(self):
        now = self._clock.time()
        for slot in self._answers:
            if now - self._answers.get(slot)["first"] < LIFETIME:
                break
            self._answers.delete(slot)

    @staticmethod
    def _replay(kept):
        return web.Response(
            status=kept["status"], body=base64.b64decode(kept["body"]), headers=kept["headers"]
        )
