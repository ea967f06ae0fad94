"""The Accounting API under ``/v3/company/{realmId}``: who may call, limits, requestid, and the operations (B2–B7)."""

import asyncio
import uuid

from aiohttp import web

from ..common import jsonio
from ..common.app import ENTRY, INSIDE
from . import attachments, changes, query, sales, settings
from .entities import BY_PATH, ENTITIES, entity_of
from .errors import SYSTEM, ApiError, Refused, fault_answer, json_answer, missing, not_found
from .fields import SHAPES, fit
from .wire import answer_time, moment, stamp

PREFIX = "/v3/company/"
MAX_BATCH, MAX_BATCH_REQUEST_ID, MAX_BID, MAX_REQUEST_ID = 30, 36, 10, 50
CDC_DAYS, CDC_MAX = 30, 1000
SUBSCRIPTION = (
    "Subscription period has ended or canceled or there was a billing problem : You can't add data to "
    "QuickBooks Online because your "
    "trial or subscription period ended or you canceled your account."
)
CLOSED = "Invalid Company Status : The company has been closed and its data is no longer available."


class Call:
    """One call: the books, who asks, and the parameters."""

    def __init__(self, request, books, identity, path, body):
        self.books, self.identity, self.method = books, identity, request.method
        self.parts = [part for part in path.split("/") if part]
        self.query = request.query
        self.body = body
        self.content_type = request.content_type
        self.content_header = request.headers.get("Content-Type", "")
        self.origin = f"{request.scheme}://{request.host}"
        self.entry = ENTRY.get()

    @property
    def include(self):
        return tuple(
            part.strip().lower() for value in self.query.getall("include", []) for part in value.split(",")
        )

    def json(self):
        """:raise Refused: 2010 for what cannot be read"""
        try:
            body = jsonio.loads(self.body.decode("utf-8-sig"))
        except (ValueError, RecursionError):
            raise Refused("2010", "Property Name:failed to parse json object; unexpected character") from None
        if not isinstance(body, dict):
            raise Refused("2010", "Property Name:failed to parse json object; an object is expected")
        return body


class Api:
    """Dispatch of the API calls of a simulator."""

    def __init__(self, simulator):
        self.sim = simulator

    def add_routes(self, app):
        app.router.add_route("*", PREFIX + "{realm}/{path:.*}", self.handle)

    @staticmethod
    def purpose(method, path):
        """A first guess from the address; the call itself refines it (create or update, the entity of a query)."""
        parts = [part.lower() for part in path.split("/") if part]
        resource = parts[0] if parts else "unknown"
        if resource in ("batch", "cdc", "query"):
            return resource if resource != "query" else "query.list"
        purpose = BY_PATH[resource].purpose if resource in BY_PATH else resource
        return f"{purpose}.{'read' if method == 'GET' else 'create'}"

    def time(self):
        return answer_time(self.sim.clock.now_ms())

    async def handle(self, request):
        """Any call; every answer carries ``intuit_tid`` (B2)."""
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = error.response
        except Refused as refused:
            response = fault_answer(refused, self.time())
        response.headers["intuit_tid"] = f"1-{uuid.uuid4()}"
        return response

    async def _answer(self, request):
        identity = self.sim.oauth.identify(request)
        realm = request.match_info["realm"]
        if realm not in self.sim.ledgers or not self.sim.oauth.connected(identity, realm):
            raise ApiError(self.sim.oauth.forbidden())
        path = request.match_info["path"]
        batch = path.strip("/").lower() == "batch"
        limits = self.sim.rate_limits
        problem = limits.problem(realm, identity.client, batch)
        if problem:
            return self.sim.throttled(problem)
        limits.count(realm, identity.client, batch)
        both = f"{realm} {identity.client}"
        limits.concurrent.enter(both)
        try:
            body = await request.read()
            inside = INSIDE.get()
            if inside.delay:
                await asyncio.sleep(inside.delay)
            if inside.server_error:
                return self.sim.failed(inside.server_error)
            self.check_company(self.sim.ledgers[realm])
            return self._run(Call(request, self.sim.ledgers[realm], identity, path, body))
        finally:
            limits.concurrent.leave(both)

    @staticmethod
    def check_company(books):
        status = books.company["status"]
        if status != "active":
            raise Refused("6190", SUBSCRIPTION if status == "lapsed" else CLOSED)

    def _run(self, call):
        """The call, or the first answer to its requestid: same id, same company, whatever the body (B6)."""
        key = call.query.get("requestid")
        writes = call.method == "POST" and call.parts[:1] != ["query"]
        if not key or not writes:
            return self._answered(call)
        if len(key) > MAX_REQUEST_ID:
            raise Refused("2050", f"requestid is longer than {MAX_REQUEST_ID} characters.", "requestid")
        kept = call.books.answers.get(key)
        if kept is not None:
            call.entry["replayed"] = True
            return web.Response(
                status=kept["status"], text=kept["body"], content_type="application/json", charset="utf-8"
            )
        response = self._answered(call)
        call.books.answers.put(key, {"status": response.status, "body": response.body.decode()})
        return response

    def _answered(self, call):
        try:
            with self.sim.store.transaction():
                result = self._dispatch(call)
        except Refused as refused:
            return fault_answer(refused, self.time())
        return json_answer({**result, "time": self.time()})

    def _dispatch(self, call):
        resource = call.parts[0].lower() if call.parts else ""
        if resource == "query":
            return self._query(call)
        if resource == "batch" and call.method == "POST":
            return self._batch(call)
        if resource == "cdc" and call.method == "GET":
            return self._cdc(call)
        if resource == "upload" and call.method == "POST":
            call.entry["purpose"] = "attachables.create"
            return attachments.upload(call.books, call.body, call.content_header)
        if resource in ("companyinfo", "preferences") and call.method == "GET":
            return self._settings(call, resource)
        if resource not in BY_PATH or call.method not in ("GET", "POST"):
            raise Refused("500", f"Unsupported Operation : Operation {resource:.60} is not supported.")
        entity = BY_PATH[resource]
        if call.method == "GET":
            return self._read(call, entity)
        if len(call.parts) == 3 and call.parts[2].lower() == "send":
            return self._send(call, entity)
        values = call.json()
        call.entry["purpose"] = (
            f"{entity.purpose}.{_kind_of_write(values, call.query.get('operation'), call.include)}"
        )
        return write(call.books, entity, values, call.query.get("operation"), call.include)

    # === READING === #

    @staticmethod
    def _settings(call, resource):
        if resource == "preferences":
            return {"Preferences": settings.render_preferences(call.books)}
        if call.parts[1:] != [call.books.realm]:
            raise not_found()
        return {"CompanyInfo": settings.render_company(call.books)}

    @staticmethod
    def _read(call, entity):
        if len(call.parts) != 2:
            raise Refused("500", "Unsupported Operation : Operation read without an id is not supported.")
        document = call.books.get(entity.name, call.parts[1])
        if entity.name in ("Invoice", "CreditMemo") and "invoicelink" in call.include:
            return {entity.name: sales.render(call.books, entity.name, document, call.origin)}
        return {entity.name: entity.render(call.books, document)}

    def _query(self, call):
        if call.method == "GET":
            text = call.query.get("query", "")
        else:
            text = call.query.get("query") or call.body.decode("utf-8", "replace")
        result, purpose = self.run_query(call.books, text)
        call.entry["purpose"] = purpose
        return {"QueryResponse": result}

    @staticmethod
    def run_query(books, text):
        """(QueryResponse, purpose)."""
        parsed = query.parse(text)
        name = parsed.entity.lower()
        if name in ("companyinfo", "preferences"):
            renderer = settings.render_company if name == "companyinfo" else settings.render_preferences
            spelled = "CompanyInfo" if name == "companyinfo" else "Preferences"
            value = {spelled: [renderer(books)], "startPosition": 1, "maxResults": 1}
            return value, f"{name}.read"
        if name not in BY_PATH:
            raise query.invalid(f"Invalid context declaration: {parsed.entity}")
        entity = BY_PATH[name]
        return query.Evaluation(books, entity, parsed).run(), f"{entity.purpose}.list"

    def _cdc(self, call):
        """Change data capture (B5): 30 days back, up to 1,000 objects an entity, deleted ones among them."""
        wanted = [name.strip() for name in call.query.get("entities", "").split(",") if name.strip()]
        if not wanted:
            raise missing("entities")
        since = moment(call.query.get("changedSince", ""))
        if since is None:
            raise (
                missing("changedSince")
                if "changedSince" not in call.query
                else Refused("2090", "Invalid Date : changedSince", "changedSince")
            )
        if since < call.books.now() - CDC_DAYS * 86_400:
            raise Refused(
                "2090", f"Invalid Date : changedSince can be at most {CDC_DAYS} days back.", "changedSince"
            )
        return {
            "CDCResponse": [{"QueryResponse": [self._changed(call.books, name, since) for name in wanted]}]
        }

    @staticmethod
    def _changed(books, name, since):
        entity = entity_of(name)
        found = [
            (d["_updated"], entity.render, d)
            for d in books.of(entity.name).values()
            if d["_updated"] >= since
        ]
        found += [
            (d["_updated"], _render_deleted, d)
            for d in books.deleted.values()
            if d["kind"] == entity.name and d["_updated"] >= since
        ]
        found.sort(key=lambda entry: entry[0])
        page = found[:CDC_MAX]
        if not page:
            return {}
        rendered = [render(books, document) for _time, render, document in page]
        return {entity.name: rendered, "startPosition": 1, "maxResults": len(page), "totalCount": len(page)}

    # === WRITING === #

    @staticmethod
    def _send(call, entity):
        if entity.name not in ("Invoice", "CreditMemo"):
            raise Refused("500", "Unsupported Operation : Operation send is not supported.")
        document = call.books.get(entity.name, call.parts[1])
        call.entry["purpose"] = f"{entity.purpose}.send"
        sent = sales.send(call.books, entity.name, document, call.query.get("sendTo"))
        return {entity.name: entity.render(call.books, sent)}

    def _batch(self, call):
        """Up to 30 operations, in order, each with its own fault (B6)."""
        requests = call.json().get("BatchItemRequest")
        if not isinstance(requests, list) or not all(isinstance(entry, dict) for entry in requests):
            raise missing("BatchItemRequest")
        if len(requests) > MAX_BATCH:
            raise Refused("1040", f"Batch size exceeds allowed limit : The batch limit size is {MAX_BATCH}.")
        key = call.query.get("requestid")
        if key and len(key) > MAX_BATCH_REQUEST_ID:
            raise Refused(
                "2050", f"requestid of a batch is longer than {MAX_BATCH_REQUEST_ID} characters.", "requestid"
            )
        counts = call.entry["batch"] = {}
        return {"BatchItemResponse": [self._batch_item(call, entry, bool(key), counts) for entry in requests]}

    def _batch_item(self, call, entry, keyed, counts):
        number = str(entry.get("bId", ""))
        try:
            if keyed and not 0 < len(number) <= MAX_BID:
                raise Refused(
                    "2050", f"bId has 1 to {MAX_BID} characters when the batch has a requestid.", "bId"
                )
            with self.sim.store.transaction():
                result, purpose = self._batch_operation(call.books, entry)
        except Refused as refused:
            result, purpose = {"Fault": refused.fault()}, _batch_purpose(entry)
        counts[purpose] = counts.get(purpose, 0) + 1
        return {**result, "bId": number}

    def _batch_operation(self, books, entry):
        if "Query" in entry:
            result, purpose = self.run_query(books, str(entry["Query"]))
            return {"QueryResponse": result}, purpose
        name = next((key for key in entry if key in ENTITIES), None)
        if name is None:
            raise missing("BatchItemRequest entity")
        operation = entry.get("operation")
        if operation not in ("create", "update", "delete", "void"):
            raise Refused("500", f"Unsupported Operation : Operation {operation!s:.40} is not supported.")
        values = entry[name]
        if operation != "create" and not (isinstance(values, dict) and values.get("Id")):
            raise missing("Id")
        if entry.get("optionsData") == "void":
            operation = "void"
        options = tuple(part.strip().lower() for part in str(entry.get("optionsData", "")).split(","))
        if operation == "create" and isinstance(values, dict):
            values = {key: value for key, value in values.items() if key not in ("Id", "SyncToken")}
        return write(books, ENTITIES[name], values, operation, options), _batch_purpose(entry)


def _kind_of_write(values, operation, include):
    if operation in ("delete", "void"):
        return operation
    if "void" in include:
        return "void"
    return "update" if isinstance(values, dict) and values.get("Id") else "create"


def _batch_purpose(entry):
    """``invoices.create`` and so on, of a member of a batch."""
    if "Query" in entry:
        return "query.list"
    name = next((key for key in entry if key in ENTITIES), None)
    operation = "void" if entry.get("optionsData") == "void" else entry.get("operation", "unknown")
    return f"{ENTITIES[name].purpose if name else 'unknown'}.{operation}"


def _render_deleted(_books, document):
    return {
        "domain": "QBO",
        "status": "Deleted",
        "Id": document["Id"],
        "MetaData": {"LastUpdatedTime": stamp(document["_updated"])},
    }


def write(books, entity, values, operation=None, include=()):
    """Create, update, delete or void one entity: ``{"Invoice": {…}}``.

    :raise Refused: with the code of what is wrong
    """
    if entity.save is None:
        raise Refused("500", f"Unsupported Operation : {entity.name} cannot be written.")
    if operation not in (None, "create", "update", "delete", "void"):
        raise Refused("500", f"Unsupported Operation : Operation {operation:.40} is not supported.")
    values = fit(values, SHAPES[entity.name], entity.name)
    if operation in ("delete", "void") or "void" in include:
        if not values.get("Id"):
            raise missing("Id")
        action = entity.delete if operation == "delete" else entity.void
        if action is None:
            raise Refused("500", f"Unsupported Operation : {entity.name} has no such operation.")
        document = changes.existing(books, entity.name, values)
        if operation == "delete":
            action(books, document)
            return {entity.name: {"domain": "QBO", "status": "Deleted", "Id": document["Id"]}}
        return {entity.name: entity.render(books, action(books, document))}
    if not values.get("Id"):
        document = None
        values = {name: value for name, value in values.items() if name != "SyncToken"}
    else:
        document = changes.existing(books, entity.name, values)
    saved = entity.save(books, values, document, include=include)
    # A change of an unpaid document may have been followed by others in the same call.
    return {entity.name: entity.render(books, books.of(entity.name).get(saved["Id"]))}


__all__ = ["SYSTEM", "Api", "write"]
