"""The Accounting API under ``/api.xro/2.0``: who may call, limits, idempotency, filters, pages and envelopes."""

import asyncio
import re
from xml.sax.saxutils import escape

from aiohttp import web

from ..common import jsonio
from ..common.app import INSIDE
from . import attachments, contacts, creditnotes, errors, invoices, items, payments, settings
from .errors import ApiError, Refused
from .shapes import SHAPES, fit
from .where import compile_where, sort
from .wire import ZERO_GUID, as_guid, date_string, ms_date, ms_time_bare, new_guid, parse_day, parse_since

MAX_QUERY = 2048  # about 52 GUIDs fit in a URL (A4); the limit of IIS for a query string
MAX_RECORDS = 100_000
PAGE_SIZE, MAX_PAGE_SIZE = 100, 1000

PREFIX = "/api.xro/2.0/"
RESOURCES = {  # path → (name in the envelope, scopes, methods without an id, methods with an id)
    "organisation": ("Organisations", ("accounting.settings",), ("GET",), ()),
    "accounts": ("Accounts", ("accounting.settings",), ("GET",), ("GET",)),
    "taxrates": ("TaxRates", ("accounting.settings",), ("GET",), ("GET",)),
    "currencies": ("Currencies", ("accounting.settings",), ("GET",), ()),
    "trackingcategories": ("TrackingCategories", ("accounting.settings",), ("GET",), ("GET",)),
    "contacts": ("Contacts", ("accounting.contacts",), ("GET", "PUT", "POST"), ("GET", "POST")),
    "items": (
        "Items",
        ("accounting.invoices", "accounting.settings"),
        ("GET", "PUT", "POST"),
        ("GET", "POST", "DELETE"),
    ),
    "invoices": ("Invoices", ("accounting.invoices",), ("GET", "PUT", "POST"), ("GET", "POST")),
    "creditnotes": ("CreditNotes", ("accounting.invoices",), ("GET", "PUT", "POST"), ("GET", "POST")),
    # below another resource alone, see NESTED
    "allocations": ("Allocations", ("accounting.invoices",), (), ()),
    "attachments": ("Attachments", ("accounting.attachments",), (), ()),
    "payments": ("Payments", ("accounting.payments",), ("GET", "PUT", "POST"), ("GET", "POST")),
}
#: (resource above, pattern of what follows it) → resource below it, methods without an id of its own, methods with one
NESTED = {
    ("creditnotes", re.compile(r"(.+?)/Allocations(?:/(.+))?", re.IGNORECASE)): (
        "allocations",
        ("PUT",),
        ("DELETE",),
    ),
    **{
        (above, re.compile(r"(.+?)/Attachments(?:/(.+))?", re.IGNORECASE)): (
            "attachments",
            ("GET",),
            ("GET", "PUT", "POST"),
        )
        for above in ("invoices", "creditnotes")
    },
}
WRITES = {"PUT": "create", "POST": "change", "DELETE": "delete"}


class Call:
    """One API call: the resource, the identifiers in the path, the parameters (their names without case), the body.

    ``above`` is the identifier of the record that the resource lies below, '' for a resource of its own.
    """

    def __init__(self, request, identity, ledger, route, body):
        self.identity, self.ledger = identity, ledger
        self.resource, self.identifier, self.above = route
        self.method, self.body = request.method, body
        self.content_type = request.content_type
        self.origin = f"{request.scheme}://{request.host}"
        self.since = parse_since(request.headers.get("If-Modified-Since"))
        self.query = {name.lower(): value for name, value in request.query.items()}

    def flag(self, name, default=False):
        value = self.query.get(name.lower())
        return default if value is None else value.strip().lower() == "true"

    def listed(self, name):
        """The values of a comma-separated parameter, or None when it was not sent."""
        value = self.query.get(name.lower())
        return None if value is None else {part.strip() for part in value.split(",") if part.strip()}

    @property
    def unitdp(self):
        return 4 if self.query.get("unitdp") == "4" else 2

    def page(self):
        """(page, page size) or None when the call is not paged (A4)."""
        sent = [self.query.get("page"), self.query.get("pagesize")]
        if sent == [None, None] and not self.flag("summaryOnly"):
            return None
        try:
            page = int(sent[0] or 1)
            size = int(sent[1] or PAGE_SIZE)
        except ValueError:
            raise errors.query_error("page and pageSize must be whole numbers") from None
        if page < 1 or not 1 <= size <= MAX_PAGE_SIZE:
            raise errors.query_error(f"page starts at 1 and pageSize is between 1 and {MAX_PAGE_SIZE}")
        return page, size


class Api:
    """Dispatch of the API calls of a simulator."""

    def __init__(self, simulator):
        self.sim = simulator

    def add_routes(self, app):
        app.router.add_route("*", PREFIX + "{path:.*}", self.handle)

    @staticmethod
    def purpose(method, path):
        """``invoices.create``, ``contacts.list``, ``invoices.read`` …, for the request log."""
        parts = [part for part in path.split("/") if part]
        resource = parts[0].lower() if parts else "unknown"
        if any(resource == above and shape.fullmatch("/".join(parts[1:])) for above, shape in NESTED):
            resource, parts = parts[2].lower(), parts[2:]
        if method == "GET":
            return f"{resource}.{'read' if len(parts) > 1 else 'list'}"
        return f"{resource}.{WRITES.get(method, method.lower())}"

    async def handle(self, request):
        """Any call: an answer with the headers that every answer carries (A3)."""
        marks = {}
        try:
            response = await self._answer(request, marks)
        except ApiError as error:
            response = error.response
        if marks:
            response.headers.update(self.sim.rate_limits.headers(marks["tenant"], marks["app"]))
        response.headers["Xero-Correlation-Id"] = new_guid()
        return response

    async def _answer(self, request, marks):
        identity = self.sim.oauth.identify(request)
        tenant = as_guid(request.headers.get("xero-tenant-id"))
        if tenant is None or not self.sim.oauth.connected(identity, tenant):
            raise ApiError(errors.forbidden())
        marks.update(tenant=tenant, app=identity.client)
        route = self._route(request)
        self._check_scope(identity, request.method, route[0])
        limits = self.sim.rate_limits
        problem = limits.problem(tenant, identity.client)
        if problem:
            # Not marked: the 429 carries its own headers.
            marks.clear()
            return limits.answer(tenant, identity.client, problem)
        limits.count(tenant, identity.client)
        limits.concurrent.enter(tenant)
        try:
            body = await request.read()
            inside = INSIDE.get()
            if inside.delay:
                await asyncio.sleep(inside.delay)

            async def call():
                return self._run(request, identity, tenant, route, body)

            if request.method == "GET":
                return await call()
            return await self.sim.idempotency.run(identity.client, request, body, call)
        finally:
            limits.concurrent.leave(tenant)

    @staticmethod
    def _route(request):
        if len(request.rel_url.raw_query_string) > MAX_QUERY:
            raise ApiError(errors.not_found())
        resource, _, identifier = request.match_info["path"].strip("/").partition("/")
        resource = resource.lower()
        if resource not in RESOURCES:
            raise ApiError(errors.not_found())
        above, methods = "", RESOURCES[resource][3 if identifier else 2]
        for (parent, shape), (below, without, within) in NESTED.items():
            if resource == parent and (found := shape.fullmatch(identifier)):
                resource, above, identifier = below, found[1], found[2] or ""
                methods = within if identifier else without
        if not methods:
            raise ApiError(errors.not_found())
        if request.method not in methods:
            raise ApiError(web.Response(status=405, content_type="text/html"))
        return resource, identifier, above

    @staticmethod
    def _check_scope(identity, method, resource):
        """Without the scope: 401, not 403 (A2)."""
        needed = set(RESOURCES[resource][1])
        if method == "GET":
            needed |= {f"{scope}.read" for scope in needed}
        if not needed & identity.scopes:
            raise ApiError(errors.unauthorized("AuthorizationUnsuccessful"))

    def _run(self, request, identity, tenant, route, body):
        """The call itself; what it raises becomes the answer that an idempotency key keeps."""
        if INSIDE.get().server_error:
            return errors.server_error(INSIDE.get().server_error)
        try:
            call = Call(request, identity, self.sim.ledgers[tenant], route, body)
            result = getattr(self, f"_{request.method.lower()}_{route[0]}")(call)
        except ApiError as error:
            return error.response
        except errors.NotFound:
            return errors.not_found()
        if isinstance(result, web.Response):
            return result
        return self._envelope(request, RESOURCES[route[0]][0], *result)

    def _envelope(self, request, name, elements, extra=None):
        value = {
            "Id": new_guid(),
            "Status": "OK",
            "ProviderName": self.sim.provider_name,
            "DateTimeUTC": ms_time_bare(self.sim.clock.now_ms()),
            **(extra or {}),
            name: elements,
        }
        if "application/json" in request.headers.get("Accept", ""):
            return errors.json_answer(value)
        # Without Accept: application/json the real API may answer in XML [FAQ].
        return web.Response(body=_xml(value).encode(), content_type="text/xml", charset="utf-8")

    # === READING === #

    def _list(self, call, documents, fields, kind, default, render, name_filter=None):
        """Filter by If-Modified-Since, where and searchTerm, sort, page and render."""
        if call.since is not None and "updateddateutc" in fields:
            documents = [d for d in documents if d["UpdatedDateUTC"] >= call.since]
        where = compile_where(call.query.get("where"), fields, kind)
        if where:
            documents = [d for d in documents if where(d)]
        term = call.query.get("searchterm", "").strip().casefold()
        if term and name_filter:
            documents = [d for d in documents if name_filter(d, term)]
        documents = sort(documents, call.query.get("order"), fields, kind, default)
        page = call.page() if name_filter else None
        if page is None:
            if len(documents) > MAX_RECORDS:
                raise errors.query_error(f"More than {MAX_RECORDS} records match. Use paging.")
            return [render(d, None) for d in documents], None
        number, size = page
        count = len(documents)
        shown = documents[(number - 1) * size : number * size]
        pagination = {"page": number, "pageSize": size, "pageCount": -(-count // size), "itemCount": count}
        return [render(d, page) for d in shown], {"pagination": pagination}

    def _get_organisation(self, call):
        return ([settings.render_organisation(call.ledger.organisation)],)

    def _get_accounts(self, call):
        accounts = call.ledger.accounts
        if call.identifier:
            account = accounts.get(as_guid(call.identifier)) or call.ledger.account(call.identifier)
            if account is None:
                raise errors.NotFound
            return ([settings.render_account(account)],)
        return self._list(
            call,
            accounts.values(),
            settings.ACCOUNT_FIELDS,
            "Account",
            "code",
            lambda a, _: settings.render_account(a),
        )

    def _get_taxrates(self, call):
        rates = call.ledger.tax_rates
        if call.identifier:
            if call.identifier.upper() not in rates:
                raise errors.NotFound
            return ([settings.render_tax_rate(rates.get(call.identifier.upper()))],)
        return self._list(
            call,
            rates.values(),
            settings.TAX_RATE_FIELDS,
            "TaxRate",
            "name",
            lambda t, _: settings.render_tax_rate(t),
        )

    def _get_currencies(self, call):
        return self._list(
            call,
            call.ledger.currencies.values(),
            settings.CURRENCY_FIELDS,
            "Currency",
            "code",
            lambda c, _: settings.render_currency(c),
        )

    def _get_trackingcategories(self, call):
        """Archived ones with ``includeArchived`` alone."""
        categories = call.ledger.tracking
        if call.identifier:
            category = categories.get(as_guid(call.identifier))
            if category is None:
                raise errors.NotFound
            return ([settings.render_tracking(category)],)
        documents = categories.values()
        if not call.flag("includeArchived"):
            documents = [category for category in documents if category["Status"] == "ACTIVE"]
        return self._list(
            call,
            documents,
            settings.TRACKING_FIELDS,
            "TrackingCategory",
            "name",
            lambda c, _: settings.render_tracking(c),
        )

    def _get_contacts(self, call):
        ledger = call.ledger
        if call.identifier:
            contact = self._contact(ledger, call.identifier)
            return ([contacts.render(ledger, contact)],)
        documents = ledger.contacts.values()
        ids = call.listed("IDs")
        if ids is not None:
            wanted = {as_guid(value) for value in ids}
            documents = [c for c in documents if c["ContactID"] in wanted]
        if not call.flag("includeArchived"):
            documents = [c for c in documents if c["ContactStatus"] != "ARCHIVED"]
        summary = call.flag("summaryOnly")
        return self._list(
            call,
            documents,
            contacts.FIELDS,
            "Contact",
            "contactid",
            lambda c, page: contacts.render(ledger, c, full=page is not None, summary=summary),
            contacts.matches_search,
        )

    @staticmethod
    def _contact(ledger, identifier):
        """By ContactID or ContactNumber."""
        contact = ledger.contacts.get(as_guid(identifier))
        if contact is None:
            key = ledger.contact_numbers.first(identifier.strip().casefold())
            contact = ledger.contacts.get(key) if key else None
        if contact is None:
            raise errors.NotFound
        return contact

    def _get_items(self, call):
        if call.identifier:
            item = items.find(call.ledger, call.identifier)
            if item is None:
                raise errors.NotFound
            return ([items.render(item, call.unitdp)],)
        return self._list(
            call,
            call.ledger.items.values(),
            items.FIELDS,
            "Item",
            "itemid",
            lambda i, _: items.render(i, call.unitdp),
        )

    def _get_invoices(self, call):
        ledger = call.ledger
        if call.identifier:
            invoice = invoices.find(ledger, call.identifier)
            if invoice is None:
                raise errors.NotFound
            return ([invoices.render(ledger, invoice, call.unitdp, single=True)],)
        documents = ledger.invoices.values()
        for name, field, guid in (
            ("IDs", "InvoiceID", True),
            ("ContactIDs", "ContactID", True),
            ("InvoiceNumbers", "InvoiceNumber", False),
            ("Statuses", "Status", False),
        ):
            values = call.listed(name)
            if values is not None:
                wanted = {as_guid(v) for v in values} if guid else {v.casefold() for v in values}
                documents = [
                    i for i in documents if (i[field] if guid else (i.get(field) or "").casefold()) in wanted
                ]
        if call.flag("createdByMyApp"):
            documents = [i for i in documents if i.get("_App") == call.identity.client]
        summary = call.flag("summaryOnly")
        return self._list(
            call,
            documents,
            invoices.fields(ledger),
            "Invoice",
            "invoiceid",
            lambda i, page: invoices.render(
                ledger, i, call.unitdp, lines=page is not None, contact="short", summary=summary
            ),
            invoices.matches_search,
        )

    def _get_payments(self, call):
        """Deleted ones are listed too, until a filter on Status leaves them out."""
        ledger = call.ledger
        if call.identifier:
            return ([payments.render(ledger, self._payment(call))],)
        return self._list(
            call,
            ledger.payments.values(),
            payments.fields(ledger),
            "Payment",
            "paymentid",
            lambda p, _: payments.render(ledger, p),
            payments.matches_search,
        )

    @staticmethod
    def _payment(call):
        payment = call.ledger.payments.get(as_guid(call.identifier))
        if payment is None:
            raise errors.NotFound
        return payment

    def _get_creditnotes(self, call):
        ledger = call.ledger
        if call.identifier:
            return ([creditnotes.render(ledger, self._credit_note(call, call.identifier), call.unitdp)],)
        summary = call.flag("summaryOnly")
        return self._list(
            call,
            ledger.credit_notes.values(),
            creditnotes.fields(ledger),
            "CreditNote",
            "creditnoteid",
            lambda n, page: creditnotes.render(
                ledger, n, call.unitdp, lines=page is not None, contact="short", summary=summary
            ),
            creditnotes.matches_search,
        )

    @staticmethod
    def _credit_note(call, identifier):
        note = creditnotes.find(call.ledger, identifier)
        if note is None:
            raise errors.NotFound
        return note

    def _get_attachments(self, call):
        document = attachments.document_of(call.ledger, call.above)
        if call.identifier:
            return attachments.download(attachments.named(call.ledger, document, call.identifier))
        found = attachments.of(call.ledger, document)
        return ([attachments.render(call.ledger, one, call.origin) for one in found],)

    # === WRITING === #

    def _put_attachments(self, call):
        document = attachments.document_of(call.ledger, call.above)
        try:
            with self.sim.store.transaction():
                saved = attachments.save(
                    call.ledger,
                    document,
                    call.identifier,
                    call.body,
                    call.content_type,
                    call.flag("IncludeOnline"),
                )
        except Refused as error:
            return errors.validation_exception([_echo({}, "AttachmentID", error.messages)])
        return ([attachments.render(call.ledger, saved, call.origin)],)

    _post_attachments = _put_attachments

    @staticmethod
    def _elements(call):
        """The elements of a body: ``{"Invoices": [...]}``, a bare list, or one bare element."""
        name = RESOURCES[call.resource][0]
        try:
            body = jsonio.loads(call.body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise errors.post_data_error("JSON for post data was invalid") from None
        if isinstance(body, dict):
            found = next((value for key, value in body.items() if key.lower() == name.lower()), None)
            body = found if found is not None else [body]
        if isinstance(body, dict):
            body = [body]
        if not isinstance(body, list) or not body or not all(isinstance(element, dict) for element in body):
            raise errors.post_data_error("No elements were found in the post data")
        if call.identifier and len(body) > 1:
            raise errors.post_data_error("Only one element can be sent to this address")
        try:
            return [fit(element, SHAPES[call.resource], name) for element in body]
        except ValueError as error:
            raise errors.post_data_error(f"JSON for post data was invalid: {error}") from None

    def _write(self, call, id_field, save, render):
        """Save each element; refused ones are echoed with their messages.

        summarizeErrors true (the real default [DW][MAN]): one bad element refuses the lot, and nothing is kept.
        """
        summarize = call.flag("summarizeErrors", True)
        answers, refused = [], []
        try:
            with self.sim.store.transaction():
                for values in self._elements(call):
                    try:
                        with self.sim.store.transaction():
                            answers.append((save(values), None))
                    except Refused as error:
                        refused.append(_echo(values, id_field, error.messages))
                        answers.append((None, refused[-1]))
                if refused and summarize:
                    raise ApiError(errors.validation_exception(refused))
        except ApiError as error:
            return error.response
        if summarize:
            return [render(document) for document, _ in answers], None
        return [
            {**render(document), "StatusAttributeString": "OK"}
            if echo is None
            else {**echo, "StatusAttributeString": "ERROR"}
            for document, echo in answers
        ], {"SummarizeErrors": False}

    def _put_contacts(self, call):
        ledger = call.ledger
        return self._write(
            call, "ContactID", lambda v: contacts.create(ledger, v), lambda c: contacts.render(ledger, c)
        )

    def _post_contacts(self, call):
        ledger = call.ledger
        if call.identifier:
            contact_id = self._contact(ledger, call.identifier)["ContactID"]
            return self._write(
                call,
                "ContactID",
                lambda v: contacts.upsert(ledger, {**v, "ContactID": contact_id}),
                lambda c: contacts.render(ledger, c),
            )
        return self._write(
            call, "ContactID", lambda v: contacts.upsert(ledger, v), lambda c: contacts.render(ledger, c)
        )

    def _put_items(self, call):
        return self._write(
            call,
            "ItemID",
            lambda v: items.create(call.ledger, v, call.unitdp),
            lambda i: items.render(i, call.unitdp),
        )

    def _post_items(self, call):
        extra = {}
        if call.identifier:
            item = items.find(call.ledger, call.identifier)
            if item is None:
                raise errors.NotFound
            extra = {"ItemID": item["ItemID"]}
        return self._write(
            call,
            "ItemID",
            lambda v: items.upsert(call.ledger, {**v, **extra}, call.unitdp),
            lambda i: items.render(i, call.unitdp),
        )

    def _delete_items(self, call):
        item = items.find(call.ledger, call.identifier)
        if item is None:
            raise errors.NotFound
        call.ledger.items.delete(item["ItemID"])
        return web.Response(status=204)

    def _render_written(self, call):
        return lambda i: invoices.render(call.ledger, i, call.unitdp, written=True, single=True)

    def _put_invoices(self, call):
        return self._write(
            call,
            "InvoiceID",
            lambda v: invoices.create(call.ledger, v, call.unitdp, call.identity.client),
            self._render_written(call),
        )

    def _post_invoices(self, call):
        extra = {}
        if call.identifier:
            invoice = invoices.find(call.ledger, call.identifier)
            if invoice is None:
                raise errors.NotFound
            extra = {"InvoiceID": invoice["InvoiceID"]}
        return self._write(
            call,
            "InvoiceID",
            lambda v: invoices.upsert(call.ledger, {**v, **extra}, call.unitdp, call.identity.client),
            self._render_written(call),
        )

    def _write_credit_notes(self, call, save, extra=()):
        return self._write(
            call,
            "CreditNoteID",
            lambda v: save(call.ledger, {**v, **dict(extra)}, call.unitdp, call.identity.client),
            lambda n: creditnotes.render(call.ledger, n, call.unitdp, written=True),
        )

    def _put_creditnotes(self, call):
        return self._write_credit_notes(call, creditnotes.create)

    def _post_creditnotes(self, call):
        extra = {}
        if call.identifier:
            extra = {"CreditNoteID": self._credit_note(call, call.identifier)["CreditNoteID"]}
        return self._write_credit_notes(call, creditnotes.upsert, extra)

    def _put_allocations(self, call):
        """Each element finds the credit note as the one before it left it."""
        key = self._credit_note(call, call.above)["CreditNoteID"]

        def note():
            return call.ledger.credit_notes.get(key)

        return self._write(
            call,
            "AllocationID",
            lambda v: creditnotes.allocate(call.ledger, note(), v),
            lambda a: creditnotes.render_allocation(call.ledger, note(), a),
        )

    def _delete_allocations(self, call):
        """The answer is the bare allocation, without an envelope [YAML]."""
        note = self._credit_note(call, call.above)
        try:
            with self.sim.store.transaction():
                gone = creditnotes.release(call.ledger, note, as_guid(call.identifier))
        except Refused as refused:
            echo = _echo({"AllocationID": call.identifier}, "AllocationID", refused.messages)
            return errors.validation_exception([echo])
        return errors.json_answer(
            {**creditnotes.render_allocation(call.ledger, note, gone, nested=True), "IsDeleted": True}
        )

    def _put_payments(self, call):
        return self._write(
            call,
            "PaymentID",
            lambda v: payments.create(call.ledger, v, call.identity.client),
            lambda p: payments.render(call.ledger, p),
        )

    def _post_payments(self, call):
        """Without an id made as by PUT; with one there is deleting and nothing else (A10)."""
        if not call.identifier:
            return self._put_payments(call)
        payment = self._payment(call)
        return self._write(
            call,
            "PaymentID",
            lambda v: payments.delete(call.ledger, payment, v),
            lambda p: payments.render(call.ledger, p),
        )


def _echo(values, id_field, messages):
    """A refused element as Xero sends it back: the zero GUID where there was none, and the messages (A6)."""
    echo = {id_field: as_guid(values.get(id_field)) or ZERO_GUID}
    for name, value in values.items():
        if name in ("Date", "DueDate") and parse_day(value):
            echo[f"{name}String"] = date_string(parse_day(value))
            echo[name] = ms_date(parse_day(value))
        elif name != id_field and value is not None:
            echo[name] = value
    echo["HasValidationErrors"] = True
    echo["ValidationErrors"] = [{"Message": message} for message in messages]
    return echo


def _xml(value):
    def element(tag, content):
        if isinstance(content, dict):
            inner = "".join(element(key, part) for key, part in content.items())
        elif isinstance(content, list):
            inner = "".join(element(tag[:-1] if tag.endswith("s") else tag, part) for part in content)
        elif isinstance(content, bool):
            inner = str(content).lower()
        else:
            inner = "" if content is None else escape(str(content))
        return f"<{tag}>{inner}</{tag}>"

    return '<?xml version="1.0" encoding="utf-8"?>' + element("Response", value)
