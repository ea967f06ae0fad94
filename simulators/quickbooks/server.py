"""The QuickBooks Online simulator put together, its control endpoints, and how to start it."""

import argparse
import asyncio
import contextlib
from decimal import Decimal

from aiohttp import web

from ..common.app import ControlError, Simulator
from ..common.server import NotLoopback, ThreadedServer, serve, state_directory
from ..common.store import StoreInUse
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
KEPT = ("meta", "oauth_grants", "oauth_access_tokens", "oauth_refresh_tokens")


class QuickBooksSimulator(Simulator):
    """QuickBooks Online on loopback.

    :param state_dir: where the state is kept across restarts; None keeps it in memory
    :param seed: ``demo`` or ``empty``, for a state that is new
    """

    name = "quickbooks"
    own_faults = {"fault200": "before", "lowercase": "after"}
    webhook_header = "intuit-signature"
    webhook_timeout = 3.0

    def __init__(self, state_dir=None, seed="demo"):
        super().__init__(state_dir)
        self.rate_limits = Limits(self.clock)
        self.oauth = OAuth(self)
        self.api = Api(self)
        self.graph = graph.ProjectsApi(self)
        self.pages = pages.Pages(self)
        self._load()
        if not self.books:
            self._fill({"seed": seed})
        self.store.flush()

    def _load(self):
        """Take the collections of the store anew."""
        self.meta = self.store.collection("meta")
        self.oauth.load()
        known = self.store.collection("companies")
        self.books = {
            seed["realm"]: Books(self.store, self.clock, seed["realm"])
            for seed in seeds.COMPANIES
            if seed["realm"] in known
        }

    def _fill(self, wanted, chosen=None):
        """New companies, the demo's records, and generated ones in the chosen companies (all)."""
        now = int(self.clock.time())
        seeds.fill_companies(self.store, now)
        self._load()
        for books in self.books.values():
            seeds.fill_lists(books)
            if wanted.get("seed", "demo") == "demo":
                seeds.fill_demo(books, now)
            else:
                seeds.fill_first_item(books, now)
            if chosen is None or books.realm in chosen:
                counts = wanted.get("contacts", 0), wanted.get("items", 0)
                seeds.fill_generated(books, now, *counts, wanted.get("random_seed", 1))

    def page(self, template, status=200, **values):
        return self.pages.render(template, status, **values)

    def books_of(self, name):
        """By realm, tag, country (the first of it) or company name; None when there is none."""
        wanted = str(name).strip().lower()
        for field in ("realm", "tag", "name", "country"):
            for books in self.books.values():
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

    def reset(self, body):
        seed = body.get("seed") or "demo"
        if seed not in seeds.SEEDS:
            raise ControlError(f"The seed is one of {', '.join(seeds.SEEDS)}.")
        for value in (body.get("contacts", 0), body.get("items", 0)):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= 200_000:
                raise ControlError("contacts and items are whole numbers from 0 to 200000.")
        chosen = None
        if body.get("companies") or body.get("organisations"):
            chosen = [self.books_of(name) for name in body.get("companies") or body["organisations"]]
            if None in chosen:
                raise ControlError("companies lists realm ids, tags or countries.")
            chosen = [books.realm for books in chosen]
        kept = {}
        if body.get("keep_connections"):
            kept = {name: dict(self.store.collection(name).items()) for name in KEPT}
        self.store.clear()
        self.clock.offset = 0.0
        self.faults.clear()
        self.log.clear()
        self.rate_limits = Limits(self.clock)
        for name, documents in kept.items():
            for key, document in documents.items():
                self.store.collection(name).put(key, document)
        self.store.collection("meta").delete("clock")
        self._fill({**body, "seed": seed}, chosen)
        return {"seed": seed, "companies": self._counts()}

    def _counts(self):
        return {
            realm: {
                "CompanyName": books.company["name"],
                "tag": books.company["tag"],
                "Country": books.company["country"],
                "Currency": books.home,
                "status": books.company["status"],
                "counts": {
                    **{name: len(books.of(kind)) for name, kind in STATE_NAMES.items()},
                    "projects": len(all_projects(books)),
                },
            }
            for realm, books in self.books.items()
        }

    def state(self, query):
        """Counts, and full entities unless ``?counts=1``; ``?tenant=`` and ``?entities=`` (a list) narrow it."""
        result = self._counts()
        if query.get("tenant"):
            books = self.books_of(query["tenant"])
            if books is None:
                raise ControlError("There is no such company.")
            result = {books.realm: result[books.realm]}
        if query.get("counts") not in ("1", "true"):
            wanted = query.get("entities")
            names = set(wanted.split(",")) if wanted else None
            for realm, entry in result.items():
                for name, documents in self._entities(self.books[realm]):
                    if names is None or name in names:
                        entry[name] = documents()
        return {
            "now": self.clock.now().isoformat(),
            "companies": result,
            "connections": [
                {key: grant[key] for key in ("id", "client", "email", "realm", "scopes", "disconnected")}
                for grant in self.oauth.grants.values()
            ],
            "refresh_tokens": len(self.oauth.refresh_tokens),
        }

    def _entities(self, books):
        yield "company", lambda: render_company(books)
        yield "preferences", lambda: render_preferences(books)
        yield "projects", lambda: [graph.project_value(books, project) for project in all_projects(books)]
        for name, kind in STATE_NAMES.items():
            render = ENTITIES[kind].render
            yield name, lambda kind=kind, render=render: [render(books, d) for d in books.of(kind).values()]

    def limits(self, body):
        try:
            self.rate_limits.change({k: int(v) if isinstance(v, Decimal) else v for k, v in body.items()})
        except (KeyError, ValueError) as error:
            raise ControlError(
                f"{error.args[0]!r}: the limits are minute, concurrent, batch, appminute and day; "
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
            books = self.books_of(body["disconnect"])
            if books is None:
                raise ControlError("There is no such company.")
            self.oauth.disconnect(books.realm)
        if "issue" in body:
            return self._issue(body["issue"] if isinstance(body["issue"], dict) else {})
        return {"connections": len(self.oauth.grants), "refresh_tokens": len(self.oauth.refresh_tokens)}

    def _issue(self, wanted):
        """Tokens without the pages, for tests of what comes after: as if the person had consented."""
        client = wanted.get("client_id", "fieldpromax-demo")
        email = wanted.get("email", "bookkeeper@example.com")
        scopes = wanted.get("scopes") or [scope for scope in SCOPES if scope != PROJECTS]
        company = wanted.get("company") or next(
            iter(wanted.get("tenants") or wanted.get("companies") or ()), "US"
        )
        books = self.books_of(company)
        if client not in APPS or email not in PEOPLE or set(scopes) - set(SCOPES) or books is None:
            raise ControlError("client_id, email, scopes or company are unknown here.")
        return self.oauth.issue(client, email, scopes, books.realm)

    def change_organisation(self, tenant, body):
        books = self.books_of(tenant)
        if books is None:
            raise ControlError("There is no such company.")
        try:
            with self.store.transaction():
                return bookkeeper.change(books, body)
        except Refused as error:
            raise ControlError(str(error)) from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ControlError(f"The change is not understood: {error!r}.") from error


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
    parser = argparse.ArgumentParser(
        prog="python -m simulators.quickbooks", description="A simulator of QuickBooks Online on loopback."
    )
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address (default: %(default)s)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="0 takes a free one (default: %(default)s)"
    )
    parser.add_argument("--state-dir", help="keep the state in this directory across restarts")
    parser.add_argument(
        "--seed", choices=seeds.SEEDS, default="demo", help="what a new state holds (default: %(default)s)"
    )
    options = parser.parse_args(arguments)

    def make_app():
        return QuickBooksSimulator(state_directory(options.state_dir), options.seed).app()

    try:
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(serve(make_app, "quickbooks", options.host, options.port))
    except (NotLoopback, StoreInUse) as error:
        parser.exit(2, f"The simulator cannot start: {error}\n")
    except OSError as error:
        parser.exit(2, f"The simulator cannot listen on port {options.port}: {error}\n")
    return 0
