"""Pages for a person: a company's books as a bookkeeper sees them, with the few things a bookkeeper does in tests.

Element ids are stable; they are listed in the README. The deep links are those of provider_facts B15:
``companyId`` may be left
out, then the company that is connected and has the record is shown.
"""

from decimal import Decimal
from pathlib import Path
from urllib.parse import urlencode

from aiohttp import web

from ..common.pages import BookPages, Missing, money
from . import attachments, bookkeeper, items, names, payments, projects, sales
from .entities import ENTITIES
from .errors import Refused, business
from .oauth import APPS
from .state import TRANSACTIONS
from .wire import ZERO, parse_day, plain, ref_value

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><circle cx="8" cy="8" r="8" fill="#1f7a3d"/>'
    '<path d="M5 5v6h2V7h4v4h2" fill="none" stroke="#fff" stroke-width="1.4"/></svg>'
)
STATUS_WORDS = {
    "OPEN": "not started",
    "IN_PROGRESS": "in progress",
    "BLOCKED": "blocked",
    "CANCELED": "canceled",
    "COMPLETE": "complete",
    "OTHER": "other",
}
SECTIONS = (
    ("homepage", "Dashboard"),
    ("invoices", "Invoices"),
    ("customers", "Customers"),
    ("projects", "Projects"),
    ("items", "Products and services"),
)


def _price(value):
    """At least two decimals, more where they count."""
    text = f"{plain(value):f}" if isinstance(plain(value), Decimal) else str(plain(value))
    return money(value) if len(text.partition(".")[2]) <= 2 else text


def status_of(books, sale):
    """What QuickBooks' list would say: there is no such field, it follows from balance and due date (B10)."""
    if sale.get("_void"):
        return "Void"
    if sale["Balance"] <= 0:
        return "Paid"
    if sale["Balance"] < sale["TotalAmt"]:
        return "Partly paid"
    return "Overdue" if sale.get("DueDate", "9999") < books.today() else "Open"


class Pages(BookPages):
    """Rendering and the routes under ``/`` and ``/app``."""

    folder = Path(__file__).parent
    simulated = "QuickBooks Online"
    icon_svg = ICON

    def __init__(self, simulator):
        super().__init__(simulator)
        self.templates.filters.update(price=_price, plain=plain)

    def add_routes(self, app):
        super().add_routes(app)
        show, act = self._shown, self._acted
        app.router.add_routes(
            [
                web.get("/", self.start),
                web.get("/app/homepage", show(self.dashboard)),
                web.post("/app/homepage", act(self.close_books)),
                web.get("/app/customers", show(self.customers)),
                web.post("/app/customers", act(self.add_customer)),
                web.get("/app/customerdetail", show(self.customer, "Customer", "nameId")),
                web.post("/app/customerdetail", act(self.change_customer, "Customer", "nameId")),
                web.get("/app/items", show(self.items)),
                web.get("/app/item", show(self.item, "Item", "itemId")),
                web.post("/app/item", act(self.change_item, "Item", "itemId")),
                web.get("/app/projects", show(self.projects)),
                web.get("/app/project", show(self.project, "Customer", "projectId")),
                web.post("/app/project", act(self.change_project, "Customer", "projectId")),
                web.get("/app/invoices", show(self.invoices)),
                web.get("/app/invoice", show(self.sale("Invoice"), "Invoice", "txnId")),
                web.post("/app/invoice", act(self.change_invoice, "Invoice", "txnId")),
                web.get("/app/creditmemo", show(self.sale("CreditMemo"), "CreditMemo", "txnId")),
                web.get("/app/recvpayment", show(self.payment, "Payment", "txnId")),
                web.post("/app/recvpayment", act(self.change_payment, "Payment", "txnId")),
            ]
        )

    # === FRAME === #

    def _books(self, request, kind, parameter):
        """The company of the page: companyId, or else one that has the record, connected ones first."""
        wanted = request.query.get("companyId")
        if wanted:
            if wanted not in self.sim.ledgers:
                raise Missing("No such company", "No company here has this id.")
            return self.sim.ledgers[wanted]
        connected = [grant["realm"] for grant in self.sim.oauth.grants.values()]
        every = sorted(self.sim.ledgers.values(), key=lambda b: b.realm not in connected)
        key = request.query.get(parameter or "", "")
        return next((b for b in every if kind and key in b.of(kind)), every[0])

    @staticmethod
    def _record(books, kind, parameter, request):
        key = request.query.get(parameter, "")
        document = books.of(kind).get(key)
        if document is None:
            words = {"nameId": "customer", "itemId": "product or service", "projectId": "project"}.get(
                parameter, "transaction"
            )
            raise Missing(
                f"No such {words}",
                f"This company has no {words} with this id. It may have been deleted or merged.",
            )
        return document

    def _shown(self, make, kind=None, parameter=None):
        async def handler(request):
            try:
                books = self._books(request, kind, parameter)
                record = [self._record(books, kind, parameter, request)] if kind else []
                template, values = make(request, books, *record)
            except Missing as missing:
                return self.missing(missing)

            def link(page, /, **query):
                return f"/app/{page}?{urlencode({**query, 'companyId': books.realm})}"

            return self.render(
                template,
                company=books.company,
                link=link,
                sections=[s for s in SECTIONS if s[0] != "projects" or books.company["projects"]],
                status_words=STATUS_WORDS,
                message=request.query.get("message", ""),
                failed="failed" in request.query,
                here=request.path_qs,
                **values,
            )

        return handler

    def _acted(self, make, kind=None, parameter=None):
        """A form: do it, then show the page that results, with what happened in one sentence."""

        async def handler(request):
            form = await request.post()
            query = {
                name: value for name, value in request.query.items() if name not in ("message", "failed")
            }
            page = request.path.rpartition("/")[2]
            try:
                books = self._books(request, kind, parameter)
                query["companyId"] = books.realm
                record = [self._record(books, kind, parameter, request)] if kind else []
                with self.sim.store.transaction():
                    sentence, page, more = make(books, *record, form)
                query = {"companyId": books.realm, **more, "message": sentence}
            except Missing as missing:
                return self.missing(missing)
            except Refused as refused:
                sentence = refused.detail.removeprefix("Business Validation Error: ")
                query = {**query, "message": sentence, "failed": "1"}
            raise web.HTTPSeeOther(f"/app/{page}?{urlencode(query)}")

        return handler

    async def start(self, _request):
        tiles = [
            {
                "id": books.company["tag"],
                "address": f"/app/homepage?companyId={books.realm}",
                "name": books.company["name"],
                "facts": [books.company[fact] for fact in ("country", "currency", "plan")],
                "counts": [
                    f"{len(books.customers)} customers",
                    f"{len(books.items)} items",
                    f"{len(books.invoices)} invoices",
                ],
            }
            for books in self.sim.ledgers.values()
        ]
        connections = [
            {
                "name": self.sim.ledgers[grant["realm"]].company["name"],
                "email": grant["email"],
                "app": APPS[grant["client"]]["name"],
            }
            for grant in self.sim.oauth.grants.values()
            if not grant["disconnected"]
        ]
        words = {
            "brand": "QuickBooks (simulated)",
            "title": "Companies",
            "content": "customers, products and services, projects and invoices",
        }
        return self.start_page(words, tiles, connections)

    # === BOOKS === #

    def dashboard(self, _request, books):
        unpaid = [i for i in books.invoices.values() if i["Balance"] > 0]
        home = [i for i in unpaid if ref_value(i["CurrencyRef"]) == books.home]
        return "dashboard.html", {
            "section": "homepage",
            "unpaid": len(unpaid),
            "owed": sum((i["Balance"] for i in home), ZERO),
            "foreign": len(unpaid) - len(home),
            "customers": sum(c.get("Active", True) for c in books.customers.values()),
            "items": sum(i.get("Active", True) for i in books.items.values()),
            "projects": len(projects.all_projects(books)),
            "currencies": list(books.currencies),
        }

    def _customer_row(self, books, customer):
        return {
            "id": customer["Id"],
            "name": customer["DisplayName"],
            "level": names.level(books, customer),
            "email": customer.get("PrimaryEmailAddr", {}).get("Address", ""),
            "active": customer.get("Active", True),
            "project": bool(customer.get("IsProject")),
            "currency": ref_value(customer["CurrencyRef"]),
            "balance": names.balance(books, customer),
        }

    def close_books(self, books, form):
        day = form.get("BookCloseDate", "").strip()
        if day and not parse_day(day):
            raise business("The closing date is not a valid date.")
        bookkeeper.change(books, {"BookCloseDate": day or None})
        sentence = f"The books are closed up to {day}." if day else "Nothing is closed any more."
        return sentence, "homepage", {}

    def customers(self, request, books):
        term = request.query.get("q", "").strip().casefold()
        found = [
            (names.full_name(books, c).casefold(), c)
            for c in books.customers.values()
            if not term
            or term in c["DisplayName"].casefold()
            or term in c.get("PrimaryEmailAddr", {}).get("Address", "").casefold()
        ]
        # A colon sorts the children behind their parent.
        found.sort(key=lambda entry: entry[0].replace(":", "\0"))
        values = self.cut(request, [customer for _name, customer in found])
        values["rows"] = [self._customer_row(books, c) for c in values["rows"]]
        return "customers.html", {"section": "customers", **values}

    def customer(self, _request, books, customer):
        children = [books.customers.get(key) for key in books.children.ids(customer["Id"])]
        others = [
            c
            for c in books.customers.values()
            if c["Id"] != customer["Id"] and c.get("Active", True) and not c.get("IsProject")
        ]
        return "customer.html", {
            "section": "customers",
            "customer": ENTITIES["Customer"].render(books, customer),
            "parents": list(reversed(names.ancestors(books, customer))),
            "children": [self._customer_row(books, c) for c in children],
            "others": sorted(others, key=lambda c: c["DisplayName"].casefold())[:500],
            "rows": self._sale_rows(books, books.documents_of.ids(customer["Id"])),
        }

    def add_customer(self, books, form):
        key = bookkeeper.set_name(
            books,
            "Customer",
            {n: form[n].strip() for n in ("DisplayName",) if form.get(n, "").strip()} | _email(form),
        )
        return "The customer is added.", "customerdetail", {"nameId": key}

    def change_customer(self, books, customer, form):
        here = ("customerdetail", {"nameId": customer["Id"]})
        if form.get("action") == "merge":
            names.merge(books, customer["Id"], form.get("into", ""))
            return "The customers are merged into this one.", "customerdetail", {"nameId": form["into"]}
        if form.get("action") in ("deactivate", "activate"):
            active = form["action"] == "activate"
            bookkeeper.set_name(books, "Customer", {"Id": customer["Id"], "Active": active})
            return f"The customer is {'active' if active else 'inactive'} now.", *here
        values = {"Id": customer["Id"], **_email(form)}
        bookkeeper.set_name(books, "Customer", {**values, "rename": form.get("DisplayName", "").strip()})
        return "The customer is saved.", *here

    def items(self, request, books):
        term = request.query.get("q", "").strip().casefold()
        rows = [
            item
            for item in books.items.values()
            if not term
            or any(term in item.get(name, "").casefold() for name in ("Name", "Sku", "Description"))
        ]
        values = self.cut(request, sorted(rows, key=lambda item: items.full_name(books, item).casefold()))
        values["rows"] = [items.render(books, item) for item in values["rows"]]
        return "items.html", {"section": "items", **values}

    def item(self, _request, books, item):
        return "item.html", {"section": "items", "item": items.render(books, item)}

    def change_item(self, books, item, form):
        values = {"Id": item["Id"]}
        if form.get("action") in ("deactivate", "activate"):
            values["Active"] = form["action"] == "activate"
        else:
            values["rename"] = form.get("Name", "").strip()
            if form.get("price", "").strip():
                values["UnitPrice"] = form["price"].strip()
        bookkeeper.set_item(books, values)
        return "The product or service is saved.", "item", {"itemId": item["Id"]}

    def projects(self, request, books):
        rows = sorted(projects.all_projects(books), key=lambda p: p["DisplayName"].casefold())
        values = self.cut(request, rows)
        values["rows"] = [self._project_row(books, p) for p in values["rows"]]
        return "projects.html", {"section": "projects", **values}

    @staticmethod
    def _project_row(books, project):
        parent = books.customers.get(ref_value(project["ParentRef"]))
        return {
            "id": project["Id"],
            "name": project["DisplayName"],
            "status": project.get("_status", "OPEN"),
            "active": project.get("Active", True),
            "customer": parent,
        }

    def project(self, _request, books, project):
        if not project.get("IsProject"):
            raise Missing("No such project", "This customer is not a project.")
        own = {*books.documents_of.ids(project["Id"])}
        own |= {i["Id"] for i in books.invoices.values() if ref_value(i.get("ProjectRef")) == project["Id"]}
        return "project.html", {
            "section": "projects",
            "project": self._project_row(books, project),
            "details": project.get("_project", {}),
            "rows": self._sale_rows(books, own),
        }

    def change_project(self, books, project, form):
        changes = {name: form[name].strip() for name in ("name", "status") if form.get(name, "").strip()}
        projects.update(books, project, changes)
        return "The project is saved.", "project", {"projectId": project["Id"]}

    # === SALES === #

    @staticmethod
    def _sale_rows(books, keys):
        rows = []
        for kind in TRANSACTIONS:
            for key in keys:
                document = books.of(kind).get(key)
                if document is None:
                    continue
                rows.append(
                    {
                        "kind": {"Invoice": "Invoice", "CreditMemo": "Credit memo", "Payment": "Payment"}[
                            kind
                        ],
                        "page": {"Invoice": "invoice", "CreditMemo": "creditmemo", "Payment": "recvpayment"}[
                            kind
                        ],
                        "id": key,
                        "number": document.get("DocNumber", ""),
                        "customer": books.customers.get(ref_value(document["CustomerRef"]))["DisplayName"],
                        "date": document["TxnDate"],
                        "due": document.get("DueDate", ""),
                        "status": "" if kind == "Payment" else status_of(books, document),
                        "balance": document["UnappliedAmt" if kind == "Payment" else "Balance"],
                        "total": document["TotalAmt"],
                        "currency": ref_value(document["CurrencyRef"]),
                    }
                )
        return sorted(rows, key=lambda row: (row["date"], int(row["id"])), reverse=True)

    def invoices(self, request, books):
        term = request.query.get("q", "").strip().casefold()
        keys = [key for kind in TRANSACTIONS for key in books.of(kind)]
        rows = [
            row
            for row in self._sale_rows(books, keys)
            if not term or term in row["number"].casefold() or term in row["customer"].casefold()
        ]
        return "invoices.html", {"section": "invoices", **self.cut(request, rows)}

    def sale(self, kind):
        def page(_request, books, document):
            invoice = sales.render(books, kind, document)
            totals = [("Subtotal", "subtotal", document["_subtotal"])]
            if document["_discount"]:
                totals.append(("Discount", "discount", -document["_discount"]))
            totals.append(("Tax", "tax", document["TxnTaxDetail"]["TotalTax"]))
            totals.append(("Total", "total", document["TotalAmt"]))
            paid = document["TotalAmt"] - document["Balance"]
            if paid:
                totals.append(("Paid", "paid", paid))
            totals.append(("Balance due", "due", document["Balance"]))
            project = books.customers.get(
                ref_value(document.get("ProjectRef")) or ref_value(document["CustomerRef"])
            )
            return "invoice.html", {
                "section": "invoices",
                "kind": kind,
                "invoice": invoice,
                "state": status_of(books, document),
                "void": bool(document.get("_void")),
                "project": project if project.get("IsProject") else None,
                "totals": totals,
                "codes": {code["Id"]: code["Name"] for code in books.tax_codes.values()},
                "term": books.terms.get(ref_value(document.get("SalesTermRef"))),
                "files": attachments.of(books, kind, document["Id"]),
                "today": books.today(),
                "accounts": [
                    account
                    for account in books.of("Account").values()
                    if account["AccountType"] in payments.DEPOSIT_TYPES and account.get("Active", True)
                ],
            }

        return page

    def payment(self, _request, books, document):
        account = books.of("Account").get(str(ref_value(document.get("DepositToAccountRef"))))
        return "payment.html", {
            "section": "invoices",
            "payment": ENTITIES["Payment"].render(books, document),
            "account": account["Name"] if account else "none",
            "numbers": {
                linked["TxnId"]: (books.of(linked["TxnType"]).get(linked["TxnId"]) or {}).get("DocNumber")
                or linked["TxnId"]
                for line in document.get("Line", [])
                for linked in line.get("LinkedTxn", [])
            },
        }

    def change_payment(self, books, payment, form):
        bookkeeper.set_payment(books, {"Id": payment["Id"], "action": form.get("action")})
        if form["action"] == "delete":
            return "The payment is deleted.", "invoices", {}
        return "The payment is void.", "recvpayment", {"txnId": payment["Id"]}

    def change_invoice(self, books, invoice, form):
        action = form.get("action")
        values = {"Id": invoice["Id"], "action": action}
        if action == "pay":
            paid = {"Id": invoice["Id"], "amount": form.get("amount", "")}
            more = {name: form[name].strip() for name in ("account", "date", "reference") if name in form}
            bookkeeper.set_payment(books, {"invoices": [paid], **more})
        else:
            bookkeeper.set_sale(books, "Invoice", values)
        done = {
            "void": "The invoice is void.",
            "delete": "The invoice is deleted.",
            "pay": "The payment is recorded.",
        }
        if action == "delete":
            return done[action], "invoices", {}
        return done.get(action, "The invoice is saved."), "invoice", {"txnId": invoice["Id"]}


def _email(form):
    return {"PrimaryEmailAddr": {"Address": form["email"].strip()}} if "email" in form else {}
