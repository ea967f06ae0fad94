"""The Xero simulator put together, its control endpoints, and how to start it."""

import argparse
import asyncio
import contextlib
from decimal import Decimal

from aiohttp import web

from ..common.app import ControlError, Simulator
from ..common.server import NotLoopback, ThreadedServer, serve, state_directory
from ..common.store import StoreInUse
from . import books, errors, pages, seeds
from .api import Api
from .contacts import render as render_contact
from .idempotency import IdempotencyKeys
from .invoices import render as render_invoice
from .items import render as render_item
from .limits import TIERS, Limits
from .oauth import APPS, PEOPLE, SCOPES, OAuth
from .settings import render_account, render_currency, render_organisation, render_tax_rate
from .state import Ledger
from .webhooks import body_of, events_of

DEFAULT_PORT = 8071
ENUMS = ("Status", "ContactStatus", "Type", "TaxType", "CurrencyCode", "Class", "Version")


class XeroSimulator(Simulator):
    """Xero on loopback.

    :param state_dir: where the state is kept across restarts; None keeps it in memory
    :param seed: ``demo`` or ``empty``, for a state that is new
    :param loopback_ip: accept ``http://127.0.0.1`` as a redirect URI, which the real Xero does not
    :param tier: ``core`` (5,000 calls a day and organisation) or ``starter`` (1,000)
    """

    name = "xero"
    provider_name = "FieldPromax Accounting"
    webhook_header = "x-xero-signature"
    webhook_strict = True

    def __init__(self, state_dir=None, seed="demo", loopback_ip=True, tier="core"):
        super().__init__(state_dir)
        self.rate_limits = Limits(self.clock)
        self.tier = tier
        self.rate_limits.day.limit = TIERS[tier]
        self.oauth = OAuth(self, loopback_ip)
        self.api = Api(self)
        self.pages = pages.Pages(self)
        self._load()
        if not self.ledgers:
            self._fill({"seed": seed})
        self.store.flush()

    def _load(self):
        """Take the collections of the store anew."""
        self.meta = self.store.collection("meta")
        self.oauth.load()
        self.idempotency = IdempotencyKeys(self.store, self.clock)
        tenants = [seed["OrganisationID"] for seed in seeds.ORGANISATIONS]
        known = self.store.collection("organisations")
        self.ledgers = {
            tenant: Ledger(self.store, self.clock, tenant) for tenant in tenants if tenant in known
        }

    def _fill(self, wanted, chosen=None):
        """New organisations, the demo's contacts and items, and generated ones in the chosen organisations (all)."""
        now = self.clock.now_ms()
        seeds.fill_settings(self.store, now)
        self._load()
        for ledger in self.ledgers.values():
            if wanted.get("seed", "demo") == "demo":
                seeds.fill_demo(ledger, now)
            if chosen is None or ledger.tenant in chosen:
                counts = wanted.get("contacts", 0), wanted.get("items", 0)
                seeds.fill_generated(ledger, now, *counts, wanted.get("random_seed", 1))

    def page(self, template, status=200, **values):
        return self.pages.render(template, status, **values)

    def ledger_of(self, name):
        """By tenant id, short code, country or name; None when there is none."""
        wanted = str(name).strip().lower()
        for tenant, ledger in self.ledgers.items():
            organisation = ledger.organisation
            names = (
                tenant,
                organisation["ShortCode"],
                organisation["CountryCode"],
                organisation["Version"],
                organisation["Name"],
            )
            if wanted in (text.lower() for text in names):
                return ledger
        return None

    # === WHAT THE FRAME ASKS === #

    def add_routes(self, app):
        self.oauth.add_routes(app)
        self.api.add_routes(app)
        self.pages.add_routes(app)

    def tenant_of(self, request):
        return request.headers.get("xero-tenant-id")

    def key_of(self, request):
        return request.headers.get("Idempotency-Key")

    def purpose_of(self, request):
        path = request.path
        if path.startswith("/api.xro/2.0/"):
            return self.api.purpose(request.method, path.removeprefix("/api.xro/2.0/"))
        for prefix, purpose in (
            ("/connect/token", "oauth.token"),
            ("/connect/revocation", "oauth.revoke"),
            ("/identity/", "oauth.authorize"),
            ("/.well-known/", "oauth.discovery"),
        ):
            if path.startswith(prefix):
                return purpose
        if path.lower().startswith("/connections"):
            return "connections.list" if request.method == "GET" else "connections.delete"
        return "pages"

    def handles_inside(self, request):
        return request.path.startswith("/api.xro/2.0/")

    def rate_limit_answer(self, request, problem):
        return self.rate_limits.answer(self.tenant_of(request) or "", "", problem)

    def status_answer(self, request, status):
        if request.path.startswith("/connect/"):
            return errors.json_answer(
                {"error": "invalid_client" if status == 401 else "invalid_grant"}, status
            )
        if status == 401:
            return errors.unauthorized()
        if status == 403:
            return errors.forbidden()
        if status == 404:
            return errors.not_found()
        if status == 400:
            return errors.bad_request("PostDataInvalidException", "JSON for post data was invalid", 17)
        if status == 429:
            return self.rate_limit_answer(request, "minute")
        if status >= 500:
            return errors.server_error(status)
        return web.Response(status=status)

    def spoil(self, body, how):
        """The first element with a value that no documentation lists, or with nulls in place of its texts."""
        element = body[0] if isinstance(body, list) and body else body
        if isinstance(body, dict):
            element = next((v[0] for v in body.values() if isinstance(v, list) and v), body)
        for name, value in list(element.items()):
            if how == "unknown_enum" and name in ENUMS:
                element[name] = "SOMETHINGNEW"
            elif how == "null_value" and isinstance(value, str) and not name.endswith("ID"):
                element[name] = None
        return body

    # === WEBHOOKS === #

    def webhook_choices(self):
        return {"client_id": tuple(APPS)}

    def webhook_intents(self):
        """Intent to receive (A12): several calls, right and wrong ones, none with events."""
        return [body_of([], self.meta) for _time in range(2)]

    def webhook_events(self, changes, subscription):
        """Of organisations that are connected to the app."""
        tenants = {
            connection["tenantId"]
            for connection in self.oauth.connections.values()
            if connection["client"] == subscription["client_id"]
        }
        return events_of(changes, tenants)

    def webhook_body(self, events, _subscription):
        return body_of(events, self.meta)

    # === CONTROL === #

    def reset(self, body):
        seed = body.get("seed") or "demo"
        if seed not in seeds.SEEDS:
            raise ControlError(f"The seed is one of {', '.join(seeds.SEEDS)}.")
        contacts, items = body.get("contacts", 0), body.get("items", 0)
        for value in (contacts, items):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 200_000:
                raise ControlError("contacts and items are whole numbers from 0 to 200000.")
        chosen = None
        if body.get("organisations"):
            chosen = [self.ledger_of(name) for name in body["organisations"]]
            if None in chosen:
                raise ControlError("organisations lists tenant ids, short codes or countries.")
            chosen = [ledger.tenant for ledger in chosen]
        kept = {}
        if body.get("keep_connections"):
            names = ("meta", "oauth_refresh_tokens", "oauth_consents", "oauth_connections")
            kept = {name: dict(self.store.collection(name).items()) for name in names}
        self.store.clear()
        self.clock.offset = 0.0
        self.faults.clear()
        self.log.clear()
        self.rate_limits = Limits(self.clock)
        self.rate_limits.day.limit = TIERS[self.tier]
        for name, documents in kept.items():
            for key, document in documents.items():
                self.store.collection(name).put(key, document)
        self.store.collection("meta").delete("clock")
        self.oauth.load()
        self._fill({**body, "seed": seed}, chosen)
        return {"seed": seed, "organisations": self._counts()}

    def _counts(self):
        return {
            tenant: {
                "Name": ledger.organisation["Name"],
                "ShortCode": ledger.organisation["ShortCode"],
                "CountryCode": ledger.organisation["CountryCode"],
                "BaseCurrency": ledger.base_currency,
                "counts": {
                    name: len(getattr(ledger, name))
                    for name in ("contacts", "items", "invoices", "accounts", "tax_rates", "currencies")
                },
            }
            for tenant, ledger in self.ledgers.items()
        }

    def state(self, query):
        """Counts, and full entities unless ``?counts=1``; ``?tenant=`` and ``?entities=`` (a list) narrow it."""
        result = self._counts()
        if query.get("tenant"):
            ledger = self.ledger_of(query["tenant"])
            if ledger is None:
                raise ControlError("There is no such organisation.")
            result = {ledger.tenant: result[ledger.tenant]}
        if query.get("counts") not in ("1", "true"):
            wanted = query.get("entities")
            names = set(wanted.split(",")) if wanted else None
            for tenant, entry in result.items():
                for name, documents in self._entities(self.ledgers[tenant]):
                    if names is None or name in names:
                        entry[name] = documents()
        return {
            "now": self.clock.now().isoformat(),
            "organisations": result,
            "connections": [
                {key: c[key] for key in ("id", "client", "email", "tenantId", "authEventId")}
                for c in self.oauth.connections.values()
            ],
            "refresh_tokens": len(self.oauth.refresh_tokens),
        }

    @staticmethod
    def _entities(ledger):
        yield "organisation", lambda: render_organisation(ledger.organisation)
        yield "contacts", lambda: [render_contact(ledger, c) for c in ledger.contacts.values()]
        yield "items", lambda: [render_item(i, 4) for i in ledger.items.values()]
        yield (
            "invoices",
            lambda: [render_invoice(ledger, i, 4, single=True) for i in ledger.invoices.values()],
        )
        yield "accounts", lambda: [render_account(a) for a in ledger.accounts.values()]
        yield "tax_rates", lambda: [render_tax_rate(t) for t in ledger.tax_rates.values()]
        yield "currencies", lambda: [render_currency(c) for c in ledger.currencies.values()]

    def limits(self, body):
        try:
            self.rate_limits.change({k: int(v) if isinstance(v, Decimal) else v for k, v in body.items()})
        except (KeyError, ValueError) as error:
            raise ControlError(
                f"{error.args[0]!r}: the limits are minute, concurrent, day and appminute; "
                "each a whole number, or null for none."
            ) from error
        return self.rate_limits.as_dict()

    def tokens(self, body):
        known = {"expire", "expire_refresh", "revoke", "disconnect", "issue"}
        if not body or set(body) - known:
            raise ControlError(f"Say one of {', '.join(sorted(known))}.")
        if body.get("expire"):
            self.oauth.expire_access()
        if body.get("expire_refresh"):
            self.oauth.expire_refresh()
        if body.get("revoke"):
            self.oauth.forget()
        if body.get("disconnect"):
            ledger = self.ledger_of(body["disconnect"])
            if ledger is None:
                raise ControlError("There is no such organisation.")
            for key, connection in self.oauth.connections.items():
                if connection["tenantId"] == ledger.tenant:
                    self.oauth.connections.delete(key)
        if "issue" in body:
            return self._issue(body["issue"] if isinstance(body["issue"], dict) else {})
        return {"connections": len(self.oauth.connections), "refresh_tokens": len(self.oauth.refresh_tokens)}

    def _issue(self, wanted):
        """Tokens without the pages, for tests of what comes after: as if the person had consented."""
        client = wanted.get("client_id", "fieldpromax-demo")
        email = wanted.get("email", "bookkeeper@example.com")
        scopes = wanted.get("scopes") or [scope for scope in SCOPES if not scope.endswith(".read")]
        ledgers = [self.ledger_of(name) for name in wanted.get("tenants", list(self.ledgers))]
        if client not in APPS or email not in PEOPLE or set(scopes) - set(SCOPES) or None in ledgers:
            raise ControlError("client_id, email, scopes or tenants are unknown here.")
        return self.oauth.issue(client, email, scopes, [ledger.tenant for ledger in ledgers])

    def change_organisation(self, tenant, body):
        ledger = self.ledger_of(tenant)
        if ledger is None:
            raise ControlError("There is no such organisation.")
        try:
            with self.store.transaction():
                return books.change(ledger, body)
        except errors.Refused as error:
            raise ControlError(str(error)) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ControlError(f"The change is not understood: {error!r}.") from error


def make_simulator(**options):
    return XeroSimulator(**options)


def start_in_thread(host="127.0.0.1", port=0, **options):
    """A simulator in a thread of this process; see :class:`ThreadedServer`. ``options`` are those of XeroSimulator."""
    return ThreadedServer(lambda: XeroSimulator(**options).app(), host, port)


def main(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m simulators.xero", description="A simulator of Xero on loopback."
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--state-dir", help="keep the state in this directory across restarts")
    parser.add_argument(
        "--seed", choices=seeds.SEEDS, default="demo", help="what a new state holds (default: %(default)s)"
    )
    parser.add_argument(
        "--tier", choices=sorted(TIERS), default="core", help="the app's tier: its daily limit"
    )
    parser.add_argument(
        "--strict-redirects",
        action="store_true",
        help="refuse http://127.0.0.1 redirect URIs, as the real Xero does",
    )
    options = parser.parse_args(arguments)

    def make_app():
        return XeroSimulator(
            state_directory(options.state_dir), options.seed, not options.strict_redirects, options.tier
        ).app()

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(make_app, "xero", options.host, options.port))
    except (NotLoopback, StoreInUse) as error:
        parser.exit(2, f"The simulator cannot start: {error}\n")
    except OSError as error:
        parser.exit(
            1, f"The simulator cannot listen on {options.host}:{options.port}: {error.strerror or error}.\n"
        )
    return 0
