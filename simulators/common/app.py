"""The frame of every simulator: request log, faults, storage, and the control endpoints under ``/_sim``."""

import asyncio
import re
from abc import ABC, abstractmethod
from contextvars import ContextVar
from dataclasses import dataclass

from aiohttp import web

from . import faults as fault_kinds
from . import jsonio
from .clock import Clock
from .faults import Faults
from .requestlog import RequestLog
from .store import Store
from .webhooks import Webhooks

MAX_BODY = 10 * 1024 * 1024


@dataclass(frozen=True)
class Inside:
    """Faults that the handler of an API call applies itself, because they act within it."""

    delay: float = 0.0
    server_error: int = 0


INSIDE = ContextVar("inside")  # set for every request
ENTRY = ContextVar(
    "entry"
)  # the log entry of the request; a handler may refine what the address alone does not tell


class ControlError(ValueError):
    """A control call that makes no sense; the sentence goes back to the caller with 400."""


class Simulator(ABC):
    """Base of a provider's simulator.

    A provider overrides the abstract methods of the second half. ``app()`` builds the aiohttp application.
    """

    name = "provider"
    #: faults that only this provider has: name → "before" (instead of the call) or "after" (on its answer)
    own_faults = {}
    #: header of a webhook's signature, seconds that its answer may take, and whether it must be without body and cookie
    webhook_header = ""
    webhook_timeout = 5.0
    webhook_strict = False

    def __init__(self, state_dir=None):
        self.store = Store(state_dir)
        self.meta = self.store.collection("meta")
        self.clock = Clock((self.meta.get("clock") or {}).get("offset", 0))
        self.log = RequestLog()
        self.faults = Faults(self.own_faults)
        self.webhooks = Webhooks(self)
        self.store.on_flush = self.webhooks.changed

    # === FRAME === #

    def app(self):
        app = web.Application(middlewares=[self._frame], client_max_size=MAX_BODY)
        app.router.add_routes(
            [
                web.get("/_sim/requests", self._control_requests),
                web.delete("/_sim/requests", self._control_clear_requests),
                web.get("/_sim/state", self._control_state),
                web.post("/_sim/reset", self._control_reset),
                web.post("/_sim/bookmarks", self._control_bookmark),
                web.get("/_sim/faults", self._control_list_faults),
                web.post("/_sim/faults", self._control_faults),
                web.delete("/_sim/faults", self._control_clear_faults),
                web.get("/_sim/clock", self._control_clock),
                web.post("/_sim/clock", self._control_clock),
                web.get("/_sim/limits", self._control_limits),
                web.post("/_sim/limits", self._control_limits),
                web.post("/_sim/tokens", self._control_tokens),
                web.get("/_sim/webhooks", self._control_webhooks),
                web.post("/_sim/webhooks", self._control_webhooks),
                web.post("/_sim/organisations/{tenant}", self._control_organisation),
            ]
        )
        self.add_routes(app)
        app.on_shutdown.append(self._on_shutdown)
        app.on_cleanup.append(self._on_cleanup)
        return app

    async def _on_shutdown(self, _app):
        self.faults.stopping.set()
        self.webhooks.stop()

    async def _on_cleanup(self, _app):
        self.store.close()

    @web.middleware
    async def _frame(self, request, handler):
        if request.path.startswith("/_sim/"):
            try:
                response = await handler(request)
            except ControlError as error:
                response = web.json_response({"error": str(error)}, status=400)
            self.store.flush()
            return response
        entry = self.log.start(
            time=self.clock.now().isoformat(),
            method=request.method,
            path=request.path,
            query=sorted(set(request.query)),
            key=self.key_of(request),
            tenant=self.tenant_of(request),
            purpose=self.purpose_of(request),
        )
        ENTRY.set(entry)
        # A kept-alive connection may serve many requests in one task.
        INSIDE.set(Inside())
        fault = self.faults.pick(request.method, request.path)
        if fault is not None:
            entry["fault"] = fault.spelled
        try:
            response = await self._with_fault(request, handler, fault)
            entry["status"] = response.status
        except web.HTTPException as error:
            entry["status"] = error.status
            raise
        finally:
            self.store.flush()
        return response

    async def _with_fault(self, request, handler, fault):
        if fault is None:
            return await handler(request)
        if fault.name == "slow":
            if not self.handles_inside(request):
                await asyncio.sleep(float(fault.argument))
            # Inside, a slow call counts as one in progress.
            INSIDE.set(Inside(delay=float(fault.argument)))
            return await handler(request)
        if (
            fault.name == "status"
            and int(fault.argument) >= 500
            and not fault.after
            and self.handles_inside(request)
        ):
            # The provider's own failure is stored under the idempotency key, so the handler makes it.
            INSIDE.set(Inside(server_error=int(fault.argument)))
            return await handler(request)
        if not fault.after:
            return await self._instead(request, fault)
        response = await handler(request)
        self.store.flush()
        return await self._afterwards(request, fault, response)

    async def _instead(self, request, fault):
        if fault.name in self.own_faults:
            return self.own_fault_instead(request, fault)
        if fault.name == "timeout_before":
            return await self.faults.hold(request)
        if fault.name == "reset":
            return fault_kinds.reset_connection(request)
        if fault.name == "429":
            return self.rate_limit_answer(request, fault.argument)
        if fault.name == "status":
            return self.status_answer(request, int(fault.argument))
        if fault.name == "html":
            return fault_kinds.html_answer(int(fault.argument or 200))
        return web.Response(status=200, content_type="application/json")

    async def _afterwards(self, request, fault, response):
        if fault.name == "timeout_after":
            return await self.faults.hold(request)
        if fault.name == "reset_after":
            return fault_kinds.reset_connection(request)
        if fault.name == "truncated":
            return await fault_kinds.truncate(request, response)
        if fault.name == "wrong_content_type":
            response.content_type = "text/plain"
            return response
        own = fault.name in self.own_faults
        if own or fault.name in ("unknown_enum", "null_value"):
            if not (response.content_type == "application/json" and response.body):
                return response
            body = jsonio.loads(response.body)
            changed = self.own_fault_afterwards(request, fault, body) if own else self.spoil(body, fault.name)
            return web.Response(
                status=response.status,
                body=jsonio.dumps(changed).encode(),
                headers={k: v for k, v in response.headers.items() if k.lower() != "content-length"},
            )
        return await self._instead(request, fault)

    # === CONTROL === #

    @staticmethod
    async def _body(request):
        if not request.can_read_body:
            return {}
        try:
            body = jsonio.loads(await request.read() or b"{}")
        except ValueError as error:
            raise ControlError(f"The body is not JSON: {error}") from error
        if not isinstance(body, dict):
            raise ControlError("The body must be a JSON object.")
        return body

    @staticmethod
    def _json(value, status=200):
        return web.Response(status=status, body=jsonio.dumps(value).encode(), content_type="application/json")

    async def _control_requests(self, request):
        try:
            since = int(request.query.get("since", 0))
        except ValueError as error:
            raise ControlError("since is the id of the last entry already seen.") from error
        entries = self.log.since(since)
        for name in ("method", "key", "tenant"):
            if name in request.query:
                entries = [entry for entry in entries if entry[name] == request.query[name]]
        if "purpose" in request.query:
            # A batch counts for the purposes of its members too.
            wanted = request.query["purpose"]
            entries = [entry for entry in entries if wanted in (entry["purpose"], *entry.get("batch", ()))]
        if "path" in request.query:
            entries = [entry for entry in entries if re.search(request.query["path"], entry["path"])]
        if request.query.get("clear") in ("1", "true"):
            self.log.clear()
        return self._json({"count": len(entries), "requests": entries})

    async def _control_clear_requests(self, _request):
        self.log.clear()
        return self._json({"count": 0})

    async def _control_state(self, request):
        return self._json(self.state(request.query))

    async def _control_reset(self, request):
        answer = self.reset(await self._body(request))
        # Nobody rings for books that are new as a whole.
        self.store.flush(tell=False)
        self.webhooks.forget()
        return self._json(answer)

    async def _control_bookmark(self, request):
        name = (await self._body(request)).get("name")
        if not isinstance(name, str) or not name:
            raise ControlError("A bookmark has a name.")
        self.bookmark(name)
        return self._json({"bookmark": name})

    async def _control_list_faults(self, _request):
        return self._json({"faults": self.faults.as_list()})

    async def _control_faults(self, request):
        body = await self._body(request)
        try:
            fault = self.faults.add(**body)
        except (TypeError, ValueError, re.error) as error:
            raise ControlError(f"This fault cannot be ordered: {error}") from error
        return self._json(fault.as_dict())

    async def _control_clear_faults(self, _request):
        self.faults.clear()
        return self._json({"faults": []})

    async def _control_clock(self, request):
        if request.method == "POST":
            body = await self._body(request)
            try:
                self.clock.advance(body["advance_seconds"])
            except (KeyError, TypeError, ValueError) as error:
                raise ControlError("advance_seconds is a number of seconds.") from error
            self.meta.put("clock", {"offset": self.clock.offset})
        return self._json({"now": self.clock.now().isoformat(), "offset_seconds": self.clock.offset})

    async def _control_limits(self, request):
        body = await self._body(request) if request.method == "POST" else {}
        return self._json(self.limits(body))

    async def _control_tokens(self, request):
        return self._json(self.tokens(await self._body(request)))

    async def _control_webhooks(self, request):
        if request.method == "POST":
            try:
                await self.webhooks.subscribe(await self._body(request))
            except ValueError as error:
                raise ControlError(str(error)) from error
        return self._json(self.webhooks.as_dict())

    async def _control_organisation(self, request):
        return self._json(self.change_organisation(request.match_info["tenant"], await self._body(request)))

    # === WHAT A PROVIDER DECIDES === #

    @abstractmethod
    def add_routes(self, app):
        """Add the provider's own routes."""

    @abstractmethod
    def tenant_of(self, request):
        """The organization a request speaks about, for the log."""

    @abstractmethod
    def key_of(self, request):
        """The idempotency key of a request, for the log; None without one."""

    @abstractmethod
    def purpose_of(self, request):
        """What a request is for in two words, e.g. ``invoices.create``, for the log."""

    def handles_inside(self, request):
        """Whether the handler itself applies what INSIDE holds."""
        return False

    @abstractmethod
    def rate_limit_answer(self, request, problem):
        """The provider's 429: ``problem`` is ``minute``, ``day``, ``concurrent`` or ``appminute``."""

    @abstractmethod
    def status_answer(self, request, status):
        """The provider's body of that HTTP status."""

    def own_fault_instead(self, request, fault):
        """The answer of one of ``own_faults`` that acts instead of the call; a failure unless overridden."""
        return self.status_answer(request, 500)

    def own_fault_afterwards(self, request, fault, value):
        """The body of the answer (parsed JSON) as one of ``own_faults`` changes it; unchanged unless overridden."""
        return value

    @abstractmethod
    def spoil(self, body, how):
        """The body with a value no client expects: ``unknown_enum`` or ``null_value``."""

    def webhook_choices(self):
        """What ``POST /_sim/webhooks`` may say beside url and key: name → allowed values, the default first."""
        return {}

    def webhook_intents(self):
        """Bodies that prove on subscribing that the signature is checked; none where the provider has no such proof."""
        return ()

    @abstractmethod
    def webhook_events(self, changes, subscription):
        """What the subscriber is told of ``changes``, as :attr:`Store.on_flush` has them: a list of anything that
        :meth:`webhook_body` knows."""

    @abstractmethod
    def webhook_body(self, events, subscription):
        """The JSON value of a webhook."""

    @abstractmethod
    def state(self, query):
        """What ``GET /_sim/state`` tells; ``query`` narrows it."""

    @abstractmethod
    def reset(self, body):
        """Forget everything and fill the books anew, as ``POST /_sim/reset`` asks.

        :raise ControlError: the order makes no sense
        """

    @abstractmethod
    def bookmark(self, name):
        """Remember everything that is kept under a name that :meth:`reset` takes back."""

    @abstractmethod
    def limits(self, body):
        """Change the rate limits named in ``body``; all of them as they then are.

        :raise ControlError: no such limit, or no whole number
        """

    @abstractmethod
    def tokens(self, body):
        """Expire, revoke or issue tokens, as ``POST /_sim/tokens`` asks.

        :raise ControlError: the order makes no sense
        """

    @abstractmethod
    def change_organisation(self, tenant, body):
        """What the people of an organisation change there.

        :raise ControlError: there is no such organisation, or the change is refused
        """
