"""The QuickBooks Online simulator put together, its control endpoints, and how to start it."""

from aiohttp import web

from ..common.app import ControlError
from ..common.books import BooksSimulator
from ..common.commandline import parser_of, run
from ..common.server import ThreadedServer
from . import bookkeeper, errors, graph, pages, seeds
from .api import PREFIX, Api
from .entities import ENTITIES
from .errors import SYSTEM, Refused
from .limits import Limits
from .oauth import APPS, PEOPLE, PROJECTS, SCOPES, OAuth
from .projects import all_projects
from .settings import render_company, render_preferences
from .state import COLLECTIONS, Books
from .webhooks import FORMS, body_of, events_of
from .wire import answer_time

DEFAULT_PORT = 8072
ENUMS = ("Type", "EmailStatus", "PrintStatus", "GlobalTaxCalculation", "DetailType", "AccountType",
    "Classification", "Country",
         "status")  # fmt: skip
#: the names of entities in /_sim/state and its counts; contacts, items and invoices as in the other simulators
STATE_NAMES = {
    "contacts": "Customer",
    **{name: kind for kind, name in COLLECTIONS.items() if kind != "Customer"},
}


class QuickBooksSimulator(BooksSimulator):
    """QuickBooks Online on loopback.

    :param state_dir: where the state is kept across restarts; None keeps it in memory
    :param seed: ``demo`` or ``empty``, for a state that is new
    """

    name = "quickbooks"
    own_faults = {"fault200": "before", "lowercase": "after"}
    webhook_header = "intuit-signature"
    webhook_timeout = 3.0
    noun, nouns = "company", "companies"
    naming = "realm ids, tags or countries"
    limit_names = "minute, concurrent, batch, appminute and day"
    seeds = seeds.SEEDS
    kept = ("meta", "oauth_grants", "oauth_access_tokens", "oauth_refresh_tokens")
    refused = Refused

    def __init__(self, state_dir=None, seed="demo"):
        super().__init__(state_dir)
        self.oauth = OAuth(self)
        self.api = Api(self)
        self.graph = graph.ProjectsApi(self)
        self.pages = pages.Pages(self)
        self.open(seed)

    def new_limits(self):
        return Limits(self.clock)

    def load(self):
        self.meta = self.store.collection("meta")
        self.oauth.load()
        known = self.store.collection("companies")
        self.ledgers = {
            seed["realm"]: Books(self.store, self.clock, seed["realm"])
            for seed in seeds.COMPANIES
            if seed["realm"] in known
        }

    def fill(self, wanted, chosen=None):
        now = int(self.clock.time())
        seeds.fill_companies(self.store, now)
        self.load()
        for books in self.ledgers.values():
            seeds.fill_lists(books)
            if wanted.get("seed", "demo") == "demo":
                seeds.fill_demo(books, now)
            else:
                seeds.fill_first_item(books, now)
            if chosen is None or books.realm in chosen:
                counts = wanted.get("contacts", 0), wanted.get("items", 0)
                seeds.fill_generated(books, now, *counts, wanted.get("random_seed", 1))

    def ledger_of(self, name):
        """By realm, tag, country (the first of it) or company name."""
        wanted = str(name).strip().lower()
        for field in ("realm", "tag", "name", "country"):
            for books in self.ledgers.values():
                if books.company[field].lower() == wanted:
                    return books
        return None

    # === WHAT THE FRAME ASKS === #

    def add_routes(self, app):
        app.router.add_post("/_sim/companies/{tenant}", self._control_organisation)
        self.oauth.add_routes(app)
        self.api.add_routes(app)
        self.graph.add_routes(app)
        self.pages.add_routes(app)

    def tenant_of(self, request):
        return request.match_info.get("realm")

    def key_of(self, request):
        return request.query.get("requestid")

    def purpose_of(self, request):
        path = request.path
        if path.startswith(PREFIX):
            return self.api.purpose(request.method, path.removeprefix(PREFIX).partition("/")[2])
        for prefix, purpose in (
            ("/oauth2/v1/tokens/bearer", "oauth.token"),
            ("/v2/oauth2/tokens/revoke", "oauth.revoke"),
            ("/connect/", "oauth.authorize"),
            ("/sign-", "oauth.authorize"),
            ("/.well-known/", "oauth.discovery"),
            ("/v1/openid_connect/", "oauth.userinfo"),
            ("/graphql", "graphql"),
        ):
            if path.startswith(prefix):
                return purpose
        return "pages"

    def handles_inside(self, request):
        return request.path.startswith((PREFIX, "/graphql"))

    def throttled(self, _problem):
        """429 (B3): no Retry-After, a body with 3001 whatever the limit."""
        refused = Refused(
            "3001", "The request limit was reached.  Try again later", kind="SERVICE", status=429
        )
        return errors.fault_answer(refused, answer_time(self.clock.now_ms()))

    def rate_limit_answer(self, _request, problem):
        return self.throttled(problem)

    def failed(self, status):
        """Intuit's own failure: 503 comes without JSON (C4), the others as a system fault."""
        if status == 503:
            return web.Response(status=503, text="Service Unavailable", content_type="text/plain")
        return errors.fault_answer(
            Refused("10000", kind=SYSTEM, status=status), answer_time(self.clock.now_ms())
        )

    def status_answer(self, request, status):
        if request.path.startswith("/oauth2/"):
            return errors.json_answer(
                {"error": "invalid_client" if status == 401 else "invalid_grant"}, status
            )
        if status == 401:
            return self.oauth.unauthorized()
        if status == 403:
            return self.oauth.forbidden()
        if status == 429:
            return self.throttled("minute")
        if status >= 500:
            return self.failed(status)
        if status >= 400:
            code = "610" if status == 404 else "6000"
            return errors.fault_answer(Refused(code, status=status), answer_time(self.clock.now_ms()))
        return web.Response(status=status)

    def own_fault_instead(self, _request, fault):
        """``fault200`` or ``fault200:CODE``: HTTP 200 that carries a Fault (B7)."""
        return errors.fault_answer(
            Refused(fault.argument or "6000", status=200), answer_time(self.clock.now_ms())
        )

    def own_fault_afterwards(self, _request, _fault, value):
        """``lowercase``: a Fault of the answer in the other spelling; what is no fault stays as it is."""
        return errors.lower_case(value["Fault"], self.clock.now_ms()) if "Fault" in value else value

    def spoil(self, body, how):
        """The first entity with a value that no documentation lists, or with nulls in place of its texts."""
        element = _first_entity(body)
        for name, value in list(element.items()):
            if how == "unknown_enum" and name in ENUMS:
                element[name] = "SomethingNew"
            elif how == "null_value" and isinstance(value, str) and name not in ("Id", "SyncToken"):
                element[name] = None
        return body

    # === WEBHOOKS === #

    def webhook_choices(self):
        return {"form": FORMS, "client_id": tuple(APPS)}

    def webhook_events(self, changes, subscription):
        """Of companies that are connected to the app."""
        realms = {
            grant["realm"]
            for grant in self.oauth.grants.values()
            if grant["client"] == subscription["client_id"] and not grant["disconnected"]
        }
        return events_of(changes, realms)

    def webhook_body(self, events, subscription):
        return body_of(events, subscription["form"])

    # === CONTROL === #

    def counts(self, ledger):
        return {
            "CompanyName": ledger.company["name"],
            "tag": ledger.company["tag"],
            "Country": ledger.company["country"],
            "Currency": ledger.home,
            "status": ledger.company["status"],
            "counts": {
                **{name: len(ledger.of(kind)) for name, kind in STATE_NAMES.items()},
                "projects": len(all_projects(ledger)),
            },
        }

    def entities(self, ledger):
        yield "company", lambda: render_company(ledger)
        yield "preferences", lambda: render_preferences(ledger)
        yield "projects", lambda: [graph.project_value(ledger, project) for project in all_projects(ledger)]
        for name, kind in STATE_NAMES.items():
            render = ENTITIES[kind].render
            yield name, lambda kind=kind, render=render: [render(ledger, d) for d in ledger.of(kind).values()]

    def connections(self):
        return [
            {key: grant[key] for key in ("id", "client", "email", "realm", "scopes", "disconnected")}
            for grant in self.oauth.grants.values()
        ]

    def count_connections(self):
        return len(self.oauth.grants)

    def disconnect(self, ledger):
        self.oauth.disconnect(ledger.realm)

    def issue(self, wanted):
        client = wanted.get("client_id", "fieldpromax-demo")
        email = wanted.get("email", "bookkeeper@example.com")
        scopes = wanted.get("scopes") or [scope for scope in SCOPES if scope != PROJECTS]
        company = wanted.get("company") or next(
            iter(wanted.get("tenants") or wanted.get("companies") or ()), "US"
        )
        ledger = self.ledger_of(company)
        if client not in APPS or email not in PEOPLE or set(scopes) - set(SCOPES) or ledger is None:
            raise ControlError("client_id, email, scopes or company are unknown here.")
        return self.oauth.issue(client, email, scopes, ledger.realm)

    def change(self, ledger, body):
        return bookkeeper.change(ledger, body)


def _first_entity(body):
    """The first object with an Id anywhere in an answer."""
    if isinstance(body, dict) and "Id" in body:
        return body
    for part in body.values() if isinstance(body, dict) else body if isinstance(body, list) else ():
        if isinstance(part, dict | list):
            found = _first_entity(part)
            if found:
                return found
    return {}


def start_in_thread(host="127.0.0.1", port=0, **options):
    """A simulator in a thread of this process; see :class:`ThreadedServer`. ``options``: those of
    QuickBooksSimulator."""
    return ThreadedServer(lambda: QuickBooksSimulator(**options).app(), host, port)


def main(arguments=None):
    parser = parser_of("quickbooks", "QuickBooks Online", DEFAULT_PORT, seeds.SEEDS)
    return run(
        parser,
        arguments,
        "quickbooks",
        lambda options, state_dir: QuickBooksSimulator(state_dir, options.seed),
    )
