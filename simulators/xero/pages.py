"""Pages for a person: the books as a bookkeeper sees them, with the few things a bookkeeper does in tests.

Element ids are stable; they are listed in the README. The deep links are those of provider_facts A13.
"""

from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

from aiohttp import web

from ..common.pages import BookPages, Missing, money
from . import balance, books, contacts, creditnotes, invoices, items
from .errors import Refused
from .oauth import APPS
from .wire import as_guid

ICON = (
    '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><rect width="16" height="16" rx="3" fill="#0b6e8f"/>'
    '<path d="M4 4h8v2H4zm0 3h8v2H4zm0 3h5v2H4z" fill="#fff"/></svg>'
)
ACTIONS = {  # status → buttons
    "DRAFT": (("approve", "Approve"), ("delete", "Delete draft")),
    "SUBMITTED": (("approve", "Approve"), ("delete", "Delete draft")),
    "AUTHORISED": (("void", "Void"),),
}
DONE_TO_CREDIT_NOTE = {
    "approve": "The credit note is approved.",
    "void": "The credit note is void.",
    "delete": "The draft is deleted.",
    "allocate": "The credit is allocated.",
    "release": "The allocation is removed.",
}
STATUS_WORDS = {
    "GDPRREQUEST": "GDPR request",
    "AUTHORISED": "awaiting payment",
    "SUBMITTED": "awaiting approval",
}
DONE = {
    "approve": "The invoice is approved.",
    "void": "The invoice is void.",
    "delete": "The draft is deleted.",
    "pay": "The payment is recorded.",
    "unpay": "The payment is removed.",
    "save": "The invoice is saved.",
}


def _plain(value):
    """A number without needless zeros."""
    text = f"{Decimal(value):f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _price(value):
    """At least two decimals, four where they count."""
    text = _plain(value)
    decimals = len(text.partition(".")[2])
    return money(value) if decimals <= 2 else f"{Decimal(value):,.4f}"


class Pages(BookPages):
    """Rendering and the routes under ``/`` and ``/app``."""

    folder = Path(__file__).parent
    simulated = "Xero"
    icon_svg = ICON

    def __init__(self, simulator):
        super().__init__(simulator)
        self.templates.filters.update(
            plain=_plain, price=_price, words=lambda status: STATUS_WORDS.get(status, status.lower())
        )

    def add_routes(self, app):
        super().add_routes(app)
        show, act = self._shown, self._acted
        app.router.add_routes(
            [
                web.get("/", self.start),
                web.get("/app/{code}", show(self.dashboard)),
                web.get("/app/{code}/", show(self.dashboard)),
                web.post("/app/{code}", act(self.set_lock_date)),
                web.get("/app/{code}/contacts", show(self.contacts)),
                web.post("/app/{code}/contacts", act(self.add_contact)),
                web.get("/app/{code}/contacts/contact/{id}", show(self.contact)),
                web.post("/app/{code}/contacts/contact/{id}", act(self.change_contact)),
                web.get("/app/{code}/items", show(self.items)),
                web.get("/app/{code}/items/{id}", show(self.item)),
                web.post("/app/{code}/items/{id}", act(self.change_item)),
                web.get("/app/{code}/invoicing", show(self.invoices)),
                web.get("/app/{code}/invoicing/view/{id}", show(self.invoice)),
                web.post("/app/{code}/invoicing/view/{id}", act(self.change_invoice)),
                web.get("/app/{code}/invoicing/credit-notes", show(self.credit_notes)),
                web.get("/app/{code}/invoicing/credit-note/{id}", show(self.credit_note)),
                web.post("/app/{code}/invoicing/credit-note/{id}", act(self.change_credit_note)),
                web.get("/organisationlogin/default.aspx", self.classic),
            ]
        )

    # === FRAME === #

    def _ledger(self, request):
        code = request.match_info["code"]
        for ledger in self.sim.ledgers.values():
            if ledger.organisation["ShortCode"] == code:
                return ledger
        raise Missing("No such organisation", "No organisation here has this short code.")

    def _shown(self, make):
        async def handler(request):
            try:
                ledger = self._ledger(request)
                template, values = make(request, ledger)
            except Missing as missing:
                return self.missing(missing)
            return self.render(
                template,
                organisation={"PeriodLockDate": None, "EndOfYearLockDate": None, **ledger.organisation},
                home=f"/app/{quote(ledger.organisation['ShortCode'])}",
                message=request.query.get("message", ""),
                failed="failed" in request.query,
                **values,
            )

        return handler

    def _acted(self, make):
        """A form: do it, then show the page that results, with what happened in one sentence."""

        async def handler(request):
            form = await request.post()
            address = request.path
            try:
                ledger = self._ledger(request)
                with self.sim.store.transaction():
                    sentence, address = make(request, ledger, form)
                query = {"message": sentence}
            except Missing as missing:
                return self.missing(missing)
            except Refused as refused:
                query = {"message": " ".join(refused.messages), "failed": "1"}
            raise web.HTTPSeeOther(f"{quote(address)}?{urlencode(query)}")

        return handler

    async def start(self, _request):
        tiles = [
            {
                "id": ledger.organisation["CountryCode"],
                "address": f"/app/{ledger.organisation['ShortCode']}",
                "name": ledger.organisation["Name"],
                "facts": [ledger.organisation["Version"], ledger.organisation["BaseCurrency"]],
                "counts": [
                    f"{len(ledger.contacts)} contacts",
                    f"{len(ledger.items)} items",
                    f"{len(ledger.invoices)} invoices",
                ],
            }
            for ledger in self.sim.ledgers.values()
        ]
        connections = [
            {
                "name": self.sim.ledgers[c["tenantId"]].organisation["Name"],
                "email": c["email"],
                "app": APPS[c["client"]]["name"],
            }
            for c in self.sim.oauth.connections.values()
        ]
        words = {"title": "Organisations", "content": "contacts, items and invoices"}
        return self.start_page(words, tiles, connections)

    async def classic(self, request):
        """A classic deep link (A13): the short code, and the page of a credit note."""
        code, target = request.query.get("shortcode", ""), urlsplit(request.query.get("redirecturl", ""))
        key = dict(parse_qsl(target.query)).get("creditNoteID", "")
        if target.path != "/AccountsReceivable/ViewCreditNote.aspx":
            return self.missing(Missing("No such page", "Of the classic pages, only credit notes are here."))
        raise web.HTTPFound(f"/app/{quote(code)}/invoicing/credit-note/{quote(key)}")

    # === BOOKS === #

    def dashboard(self, _request, ledger):
        awaiting = [
            i for i in ledger.invoices.values() if i["Type"] == "ACCREC" and i["Status"] == "AUTHORISED"
        ]
        home = [i for i in awaiting if i["CurrencyCode"] == ledger.base_currency]
        return "dashboard.html", {
            "section": "dashboard",
            "awaiting": len(awaiting),
            "owed": sum((balance.due(i) for i in home), Decimal(0)),
            "foreign": len(awaiting) - len(home),
            "drafts": sum(i["Status"] == "DRAFT" for i in ledger.invoices.values()),
            "contacts": sum(c["ContactStatus"] == "ACTIVE" for c in ledger.contacts.values()),
            "items": len(ledger.items),
            "currencies": list(ledger.currencies),
        }

    def set_lock_date(self, request, ledger, form):
        day = form.get("PeriodLockDate", "").strip()
        try:
            books.change(ledger, {"PeriodLockDate": day or None})
        except ValueError:
            raise Refused("The lock date is not a valid date.") from None
        return (f"Locked up to {day}." if day else "Nothing is locked any more."), request.path

    def contacts(self, request, ledger):
        term = request.query.get("q", "").strip().casefold()
        rows = [c for c in ledger.contacts.values() if not term or contacts.matches_search(c, term)]
        values = self.cut(request, sorted(rows, key=lambda c: c["Name"].casefold()))
        values["rows"] = [contacts.render(ledger, c) for c in values["rows"]]
        return "contacts.html", {"section": "contacts", **values}

    @staticmethod
    def _found(collection, request, words):
        document = collection.get(as_guid(request.match_info["id"]))
        if document is None:
            raise Missing(f"No such {words}", f"This organisation has no {words} with this id.")
        return document

    def contact(self, request, ledger):
        contact = self._found(ledger.contacts, request, "contact")
        others = [
            other
            for other in ledger.contacts.values()
            if other["ContactStatus"] == "ACTIVE" and other["ContactID"] != contact["ContactID"]
        ]
        documents = [ledger.invoices.get(key) for key in ledger.invoices_of.ids(contact["ContactID"])]
        notes = [ledger.credit_notes.get(key) for key in ledger.credit_notes_of.ids(contact["ContactID"])]
        return "contact.html", {
            "section": "contacts",
            "contact": contacts.render(ledger, contact),
            "others": sorted(others, key=lambda other: other["Name"].casefold())[:500],
            "rows": self._invoice_rows(ledger, documents),
            "credit_notes": self._credit_note_rows(ledger, notes),
        }

    @staticmethod
    def _invoice_rows(ledger, documents):
        return [invoices.render(ledger, document, 2, lines=False, contact="short") for document in documents]

    def add_contact(self, request, ledger, form):
        values = {name: form[name].strip() for name in ("Name", "EmailAddress") if form.get(name, "").strip()}
        contact = contacts.save(ledger, values)
        return "The contact is added.", f"{request.path}/contact/{contact['ContactID']}"

    def change_contact(self, request, ledger, form):
        contact = self._found(ledger.contacts, request, "contact")
        if form.get("action") == "merge":
            books.merge(ledger, contact["ContactID"], form.get("into", ""))
            return (
                "The contacts are merged into this one.",
                f"{request.path.rpartition('/')[0]}/{form['into']}",
            )
        values = {
            name: form[name].strip() for name in ("Name", "EmailAddress", "ContactStatus") if name in form
        }
        books.set_contact(ledger, {**values, "ContactID": contact["ContactID"]})
        return "The contact is saved.", request.path

    def items(self, request, ledger):
        term = request.query.get("q", "").strip().casefold()
        rows = [
            item
            for item in ledger.items.values()
            if not term
            or any(term in item.get(name, "").casefold() for name in ("Code", "Name", "Description"))
        ]
        values = self.cut(request, sorted(rows, key=lambda item: item["Code"].casefold()))
        values["rows"] = [items.render(item, 4) for item in values["rows"]]
        return "items.html", {"section": "items", **values}

    def item(self, request, ledger):
        item = self._found(ledger.items, request, "item")
        return "item.html", {"section": "items", "item": items.render(item, 4)}

    def change_item(self, request, ledger, form):
        item = self._found(ledger.items, request, "item")
        if form.get("action") == "delete":
            ledger.items.delete(item["ItemID"])
            return "The item is deleted.", request.path.rpartition("/")[0]
        values = {"ItemID": item["ItemID"], "Name": form.get("Name", "").strip()}
        if form.get("price", "").strip():
            values["SalesDetails"] = {"UnitPrice": form["price"].strip()}
        books.set_item(ledger, values)
        return "The item is saved.", request.path

    def invoices(self, request, ledger):
        term = request.query.get("q", "").strip().casefold()
        rows = [
            i
            for i in ledger.invoices.values()
            if not term
            or invoices.matches_search(i, term)
            or term in ledger.contacts.get(i["ContactID"])["Name"].casefold()
        ]
        rows.sort(key=lambda i: (i["Date"], i["UpdatedDateUTC"]), reverse=True)
        values = self.cut(request, rows)
        values["rows"] = self._invoice_rows(ledger, values["rows"])
        return "invoices.html", {"section": "invoices", **values}

    def invoice(self, request, ledger):
        document = self._found(ledger.invoices, request, "invoice")
        invoice = invoices.render(ledger, document, 4, single=True)
        totals = [("Subtotal", "subtotal", invoice["SubTotal"]), ("Tax", "tax", invoice["TotalTax"])]
        if invoice.get("RoundingAmount"):
            totals.append(("Rounding", "rounding", invoice["RoundingAmount"]))
        totals.append(("Total", "total", invoice["Total"]))
        if invoice["AmountCredited"]:
            totals.append(("Credited", "credited", invoice["AmountCredited"]))
        if invoice["AmountPaid"]:
            totals.append(("Paid", "paid", invoice["AmountPaid"]))
        totals.append(("Amount due", "due", invoice["AmountDue"]))
        accounts = [
            account
            for account in ledger.accounts.values()
            if account["Status"] == "ACTIVE"
            and (account["Type"] == "BANK" or account.get("EnablePaymentsToAccount"))
        ]
        return "invoice.html", {
            "section": "invoices",
            "invoice": invoice,
            "totals": totals,
            "actions": () if balance.is_touched(document) else ACTIONS.get(document["Status"], ()),
            "editable": document["Status"] in ("DRAFT", "SUBMITTED", "AUTHORISED"),
            "payable": document["Status"] == "AUTHORISED" and invoice["AmountDue"] > 0,
            "payments": [ledger.payments.get(entry["PaymentID"]) for entry in document["Payments"]],
            "accounts": sorted(accounts, key=lambda account: account.get("Code", "")),
            "account_names": {
                account["AccountID"]: f"{account.get('Code', '')} {account['Name']}".strip()
                for account in ledger.accounts.values()
            },
            "today": ledger.today(),
            "tax_names": {rate["TaxType"]: rate["Name"] for rate in ledger.tax_rates.values()},
        }

    def change_invoice(self, request, ledger, form):
        document = self._found(ledger.invoices, request, "invoice")
        action = form.get("action")
        if action == "pay":
            names = ("amount", "account", "date", "reference")
            values = {name: form[name].strip() for name in names if form.get(name, "").strip()}
            books.set_payment(ledger, {"amount": "0", **values, "InvoiceID": document["InvoiceID"]})
        elif action == "unpay":
            books.set_payment(ledger, {"PaymentID": form.get("payment", ""), "delete": True})
        elif action == "save":
            values = {name: form[name].strip() for name in ("Reference", "DueDate") if name in form}
            if not values.get("DueDate"):
                values.pop("DueDate", None)
            books.set_invoice(ledger, {"InvoiceID": document["InvoiceID"], **values})
        else:
            books.set_invoice(ledger, {"InvoiceID": document["InvoiceID"], "action": action})
        return DONE[action], request.path

    @staticmethod
    def _credit_note_rows(ledger, documents):
        return [
            creditnotes.render(ledger, document, 2, lines=False, contact="short") for document in documents
        ]

    def credit_notes(self, request, ledger):
        term = request.query.get("q", "").strip().casefold()
        rows = [
            note
            for note in ledger.credit_notes.values()
            if not term
            or creditnotes.matches_search(note, term)
            or term in ledger.contacts.get(note["ContactID"])["Name"].casefold()
        ]
        rows.sort(key=lambda note: (note["Date"], note["UpdatedDateUTC"]), reverse=True)
        values = self.cut(request, rows)
        values["credit_notes"] = self._credit_note_rows(ledger, values["rows"])
        return "credit_notes.html", {"section": "credit-notes", **values}

    def credit_note(self, request, ledger):
        document = self._found(ledger.credit_notes, request, "credit note")
        note = creditnotes.render(ledger, document, 4)
        totals = [
            ("Subtotal", "subtotal", note["SubTotal"]),
            ("Tax", "tax", note["TotalTax"]),
            ("Total", "total", note["Total"]),
            ("Remaining credit", "remaining", note["RemainingCredit"]),
        ]
        open_invoices = []
        if document["Status"] == "AUTHORISED":
            wanted = (creditnotes.INVOICE_TYPES[document["Type"]], "AUTHORISED", document["CurrencyCode"])
            of_contact = [ledger.invoices.get(key) for key in ledger.invoices_of.ids(document["ContactID"])]
            open_invoices = [i for i in of_contact if (i["Type"], i["Status"], i["CurrencyCode"]) == wanted]
        return "credit_note.html", {
            "section": "credit-notes",
            "note": note,
            "totals": totals,
            "actions": () if document["Allocations"] else ACTIONS.get(document["Status"], ()),
            "allocations": [
                {**one, "InvoiceNumber": ledger.invoices.get(one["InvoiceID"]).get("InvoiceNumber")}
                for one in document["Allocations"]
            ],
            "invoices": open_invoices,
            "tax_names": {rate["TaxType"]: rate["Name"] for rate in ledger.tax_rates.values()},
        }

    def change_credit_note(self, request, ledger, form):
        document = self._found(ledger.credit_notes, request, "credit note")
        names = ("action", "allocation", "invoice", "amount")
        values = {name: form[name].strip() for name in names if form.get(name, "").strip()}
        books.set_credit_note(ledger, {**values, "CreditNoteID": document["CreditNoteID"]})
        return DONE_TO_CREDIT_NOTE[values["action"]], request.path
