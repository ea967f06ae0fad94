"""The Xero simulator put together, its control endpoints, and how to start it."""

from aiohttp import web

from ..common.app import ControlError
from ..common.books import BooksSimulator
from ..common.commandline import parser_of, run
from ..common.server import ThreadedServer
from . import books, errors, pages, seeds
from .api import PREFIX, RESOURCES, Api
from .attachments import render as render_attachment
from .contacts import render as render_contact
from .creditnotes import render as render_credit_note
from .idempotency import IdempotencyKeys
from .invoices import render as render_invoice
from .items import render as render_item
from .limits import TIERS, Limits
from .oauth import APPS, PEOPLE, SCOPES, OAuth
from .payments import render as render_payment
from .settings import render_account, render_currency, render_organisation, render_tax_rate, render_tracking
from .state import Ledger
from .webhooks import body_of, events_of

DEFAULT_PORT = 8071
ENUMS = ("Status", "ContactStatus", "Type", "TaxType", "CurrencyCode", "Class", "Version")


class XeroSimulator(BooksSimulator):
    """Xero on loopback.

    :param state_dir: where the state is kept across restarts; None keeps it in memory
    :param seed: ``demo`` or ``empty``, for a state that is new
    :param loopback_ip: accept ``http://127.0.0.1`` as a redirect URI, which the real Xero does not
    :param tier: ``core`` (5,000 calls a day and organisation) or ``starter`` (1,000)
    """

    name = "xero"
    provider_name = "FieldPromax Accounting"
    own_faults = {"fault200": "before"}
    webhook_header = "x-xero-signature"
    webhook_strict = True
    naming = "tenant ids, short codes or countries"
    limit_names = "minute, concurrent, day and appminute"
    seeds = seeds.SEEDS
    kept = ("meta", "oauth_refresh_tokens", "oauth_consents", "oauth_connections")
    refused = errors.Refused

    def __init__(self, state_dir=None, seed="demo", loopback_ip=True, tier="core"):
        self.tier = tier
        super().__init__(state_dir)
        self.oauth = OAuth(self, loopback_ip)
        self.api = Api(self)
        self.pages = pages.Pages(self)
        self.open(seed)

    def new_limits(self):
        limits = Limits(self.clock)
        limits.day.limit = TIERS[self.tier]
        return limits

    def load(self):
        self.meta = self.store.collection("meta")
        self.oauth.load()
        self.idempotency = IdempotencyKeys(self.store, self.clock)
        tenants = [seed["OrganisationID"] for seed in seeds.ORGANISATIONS]
        known = self.store.collection("organisations")
        self.ledgers = {
            tenant: Ledger(self.store, self.clock, tenant) for tenant in tenants if tenant in known
        }

    def fill(self, wanted, chosen=None):
        now = self.clock.now_ms()
        seeds.fill_settings(self.store, now)
        self.load()
        for ledger in self.ledgers.values():
            if wanted.get("seed", "demo") == "demo":
                seeds.fill_demo(ledger, now)
            if chosen is None or ledger.tenant in chosen:
                counts = wanted.get("contacts", 0), wanted.get("items", 0)
                seeds.fill_generated(ledger, now, *counts, wanted.get("random_seed", 1))

    def ledger_of(self, name):
        """By tenant id, short code, country or name."""
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
        if path.startswith(PREFIX):
            return self.api.purpose(request.method, path.removeprefix(PREFIX))
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
        return request.path.startswith(PREFIX)

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

    def own_fault_instead(self, request, _fault):
        """``fault200``: HTTP 200 with a refusal in it. Of what creates or changes as with ``summarizeErrors=false``, in
        the element (A4); of any other call the body that belongs to HTTP 400, which nobody documents."""
        refused = {
            "HasValidationErrors": True,
            "ValidationErrors": [{"Message": "A validation exception occurred"}],
        }
        resource = self.purpose_of(request).partition(".")[0]
        if request.path.startswith(PREFIX) and request.method in ("PUT", "POST"):
            element = {**refused, "StatusAttributeString": "ERROR"}
            return errors.json_answer({RESOURCES[resource][0]: [element]})
        answer = errors.validation_exception([refused])
        answer.set_status(200)
        return answer

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

    def counts(self, ledger):
        return {
            "Name": ledger.organisation["Name"],
            "ShortCode": ledger.organisation["ShortCode"],
            "CountryCode": ledger.organisation["CountryCode"],
            "BaseCurrency": ledger.base_currency,
            "counts": {
                name: len(getattr(ledger, name))
                for name in (
                    "contacts",
                    "items",
                    "invoices",
                    "credit_notes",
                    "payments",
                    "attachments",
                    "accounts",
                    "tax_rates",
                    "currencies",
                    "tracking",
                )
            },
        }

    def entities(self, ledger):
        yield "organisation", lambda: render_organisation(ledger.organisation)
        yield "contacts", lambda: [render_contact(ledger, c) for c in ledger.contacts.values()]
        yield "items", lambda: [render_item(i, 4) for i in ledger.items.values()]
        yield (
            "invoices",
            lambda: [render_invoice(ledger, i, 4, single=True) for i in ledger.invoices.values()],
        )
        yield "credit_notes", lambda: [render_credit_note(ledger, n, 4) for n in ledger.credit_notes.values()]
        yield "payments", lambda: [render_payment(ledger, p) for p in ledger.payments.values()]
        yield "attachments", lambda: [render_attachment(ledger, a) for a in ledger.attachments.values()]
        yield "accounts", lambda: [render_account(a) for a in ledger.accounts.values()]
        yield "tax_rates", lambda: [render_tax_rate(t) for t in ledger.tax_rates.values()]
        yield "tracking", lambda: [render_tracking(c) for c in ledger.tracking.values()]
        yield "currencies", lambda: [render_currency(c) for c in ledger.currencies.values()]

    def connections(self):
        return [
            {key: c[key] for key in ("id", "client", "email", "tenantId", "authEventId")}
            for c in self.oauth.connections.values()
        ]

    def count_connections(self):
        return len(self.oauth.connections)

    def disconnect(self, ledger):
        for key, connection in self.oauth.connections.items():
            if connection["tenantId"] == ledger.tenant:
                self.oauth.connections.delete(key)

    def issue(self, wanted):
        client = wanted.get("client_id", "fieldpromax-demo")
        email = wanted.get("email", "bookkeeper@example.com")
        scopes = wanted.get("scopes") or [scope for scope in SCOPES if not scope.endswith(".read")]
        ledgers = [self.ledger_of(name) for name in wanted.get("tenants", list(self.ledgers))]
        if client not in APPS or email not in PEOPLE or set(scopes) - set(SCOPES) or None in ledgers:
            raise ControlError("client_id, email, scopes or tenants are unknown here.")
        return self.oauth.issue(client, email, scopes, [ledger.tenant for ledger in ledgers])

    def change(self, ledger, body):
        return books.change(ledger, body)


def start_in_thread(host="127.0.0.1", port=0, **options):
    """A simulator in a thread of this process; see :class:`ThreadedServer`. ``options`` are those of XeroSimulator."""
    return ThreadedServer(lambda: XeroSimulator(**options).app(), host, port)


def main(arguments=None):
    parser = parser_of("xero", "Xero", DEFAULT_PORT, seeds.SEEDS)
    parser.add_argument(
        "--tier", choices=sorted(TIERS), default="core", help="the app's tier: its daily limit"
    )
    parser.add_argument(
        "--strict-redirects",
        action="store_true",
        help="refuse http://127.0.0.1 redirect URIs, as the real Xero does",
    )
    return run(
        parser,
        arguments,
        "xero",
        lambda options, state_dir: XeroSimulator(
            state_dir, options.seed, not options.strict_redirects, options.tier
        ),
    )
