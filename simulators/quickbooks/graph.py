"""The GraphQL endpoint of the Projects API: ``POST /graphql`` with ``query`` and ``variables``.

The token says which company is meant. Names and arguments are those of Intuit's schema as far as provider_facts
B13 and its
sources tell; only what concerns projects is there. The library graphql-core parses, validates and answers in
GraphQL's form.
"""

import asyncio
import base64
import binascii
import uuid
from decimal import Decimal

import graphql

from ..common import jsonio
from ..common.app import ENTRY, INSIDE
from . import projects
from .api import Api
from .errors import ApiError, Refused, json_answer
from .oauth import PROJECTS
from .wire import moment, plain, stamp

MAX_PAGE = 500
SCHEMA = """
scalar DateTime
scalar Decimal

enum ProjectManagement_Status { OPEN IN_PROGRESS BLOCKED CANCELED COMPLETE OTHER }
enum ProjectManagement_OrderBy { DUE_DATE_ASC DUE_DATE_DESC START_DATE_ASC START_DATE_DESC }

type ProjectManagement_Customer { id: ID! }
type ProjectManagement_Company { id: ID! }

type ProjectManagement_Project {
  id: ID!
  name: String!
  description: String
  type: String
  status: ProjectManagement_Status
  priority: Int
  customer: ProjectManagement_Customer
  account: ProjectManagement_Company
  dueDate: DateTime
  startDate: DateTime
  completedDate: DateTime
  completionRate: Decimal
  pinned: Boolean
  deleted: Boolean
}
type ProjectManagement_Error { message: String!, classification: String }
union ProjectManagement_ProjectResponse = ProjectManagement_Project | ProjectManagement_Error

type ProjectManagement_ProjectEdge { node: ProjectManagement_Project!, cursor: String! }
type PageInfo { hasNextPage: Boolean!, hasPreviousPage: Boolean!, startCursor: String, endCursor: String }
type ProjectManagement_ProjectConnection { edges: [ProjectManagement_ProjectEdge!]!, pageInfo: PageInfo! }

input ProjectManagement_DateRange { minDate: DateTime!, maxDate: DateTime! }
input ProjectManagement_DateFilter { between: ProjectManagement_DateRange! }
input ProjectManagement_ProjectFilter { startDate: ProjectManagement_DateFilter, dueDate: ProjectManagement_DateFilter }

input ProjectManagement_CustomerInput { id: ID! }
input ProjectManagement_CompanyInput { id: ID! }
input ProjectManagement_CreateProjectInput {
  name: String!
  description: String
  type: String
  status: ProjectManagement_Status
  priority: Int
  customer: ProjectManagement_CustomerInput
  account: ProjectManagement_CompanyInput
  dueDate: DateTime
  startDate: DateTime
  completedDate: DateTime
  completionRate: Decimal
  pinned: Boolean
}
input ProjectManagement_UpdateProjectInput {
  id: ID!
  name: String
  description: String
  type: String
  status: ProjectManagement_Status
  priority: Int
  customer: ProjectManagement_CustomerInput
  account: ProjectManagement_CompanyInput
  dueDate: DateTime
  startDate: DateTime
  completedDate: DateTime
  completionRate: Decimal
  pinned: Boolean
}
input ProjectManagement_DeleteProjectInput { id: ID! }

type Query {
  projectManagementProject(id: ID!): ProjectManagement_Project
  projectManagementProjects(
    first: Int!
    after: String
    filter: ProjectManagement_ProjectFilter!
    orderBy: [ProjectManagement_OrderBy!]
  ): ProjectManagement_ProjectConnection!
}
type Mutation {
  projectManagementCreateProject(input: ProjectManagement_CreateProjectInput!): ProjectManagement_ProjectResponse
  projectManagementUpdateProject(input: ProjectManagement_UpdateProjectInput!): ProjectManagement_ProjectResponse
  projectManagementDeleteProject(input: ProjectManagement_DeleteProjectInput!): ProjectManagement_ProjectResponse
}
"""


def _parse_date_time(value):
    if moment(value) is None:
        raise ValueError(f"not a DateTime: {value!s:.40}")
    return value


def _parse_decimal(value):
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal | str):
        raise ValueError(f"not a Decimal: {value!s:.40}")  # noqa: TRY004 about data, not about code
    return Decimal(str(value))


def _schema():
    schema = graphql.build_schema(SCHEMA)
    schema.type_map["DateTime"].parse_value = _parse_date_time
    schema.type_map["Decimal"].parse_value = _parse_decimal
    schema.type_map["Decimal"].serialize = plain
    schema.type_map["ProjectManagement_ProjectResponse"].resolve_type = lambda value, *_: (
        "ProjectManagement_Error" if "message" in value else "ProjectManagement_Project"
    )
    return schema


def project_value(books, project):
    """A project as the schema has it."""
    kept = project.get("_project", {})
    return {
        "id": project["Id"],
        "name": project["DisplayName"],
        "status": project.get("_status", "OPEN"),
        "customer": {"id": project["ParentRef"]["value"]},
        "account": {"id": books.realm},
        "startDate": kept.get("startDate") or stamp(project["_created"]),
        "pinned": kept.get("pinned", False),
        "deleted": False,
        **{
            name: kept.get(name)
            for name in ("description", "type", "priority", "dueDate", "completedDate", "completionRate")
        },
    }


def _cursor(project):
    return base64.b64encode(f"project:{project['Id']}".encode()).decode()


def _after(cursor):
    try:
        kind, _, key = base64.b64decode(cursor, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        kind = ""
    if kind != "project":
        raise graphql.GraphQLError("The cursor is not valid.", extensions={"classification": "BAD_REQUEST"})
    return key


class Root:
    """The resolvers, for one company."""

    def __init__(self, books, store):
        self.books, self.store = books, store

    def projectManagementProject(self, _info, id):
        project = projects.find(self.books, id)
        if project is None:
            raise graphql.GraphQLError(
                "The project was not found.", extensions={"classification": "NOT_FOUND"}
            )
        return project_value(self.books, project)

    def projectManagementProjects(self, _info, first, filter, after=None, orderBy=None):
        if not 1 <= first <= MAX_PAGE:
            raise graphql.GraphQLError(
                f"first is 1 to {MAX_PAGE}.", extensions={"classification": "BAD_REQUEST"}
            )
        found = sorted(projects.all_projects(self.books), key=lambda p: int(p["Id"]))
        values = [(project, project_value(self.books, project)) for project in found]
        for name, condition in filter.items():
            least, most = (moment(condition["between"][side]) for side in ("minDate", "maxDate"))
            values = [v for v in values if v[1][name] and least <= moment(v[1][name]) <= most]
        for order in reversed(orderBy or ()):
            field, _, way = order.rpartition("_")
            name = {"DUE_DATE": "dueDate", "START_DATE": "startDate"}[field]
            values.sort(key=lambda v, name=name: moment(v[1][name] or "") or 0, reverse=way == "DESC")
        start = 0
        if after:
            key = _after(after)
            start = next((number for number, v in enumerate(values, 1) if v[0]["Id"] == key), len(values))
        page = values[start : start + first]
        return {
            "edges": [{"node": value, "cursor": _cursor(project)} for project, value in page],
            "pageInfo": {
                "hasNextPage": start + first < len(values),
                "hasPreviousPage": start > 0,
                "startCursor": _cursor(page[0][0]) if page else None,
                "endCursor": _cursor(page[-1][0]) if page else None,
            },
        }

    def _change(self, action):
        """A refusal is a ProjectManagement_Error in the data, as the schema's union has it."""
        try:
            with self.store.transaction():
                return action()
        except Refused as refused:
            sentence = refused.detail.removeprefix("Business Validation Error: ")
            kind = "CONFLICT" if refused.code == "6240" else "VALIDATION"
            return {"message": sentence, "classification": kind}

    def projectManagementCreateProject(self, _info, input):
        account = (input.get("account") or {}).get("id", self.books.realm)
        if account != self.books.realm:
            return {"message": "The account is another company.", "classification": "VALIDATION"}
        return self._change(lambda: project_value(self.books, projects.create(self.books, input)))

    def _found(self, key):
        project = projects.find(self.books, key)
        if project is None:
            raise Refused("6000", "The project was not found.")
        return project

    def projectManagementUpdateProject(self, _info, input):
        return self._change(
            lambda: project_value(self.books, projects.update(self.books, self._found(input["id"]), input))
        )

    def projectManagementDeleteProject(self, _info, input):
        def delete():
            project = self._found(input["id"])
            projects.delete(self.books, project)
            return {**project_value(self.books, project), "deleted": True}

        return self._change(delete)


class ProjectsApi:
    def __init__(self, simulator):
        self.sim = simulator
        self.schema = _schema()

    def add_routes(self, app):
        app.router.add_post("/graphql", self.handle)

    async def handle(self, request):
        try:
            response = await self._answer(request)
        except ApiError as error:
            response = error.response
        response.headers["intuit_tid"] = f"1-{uuid.uuid4()}"
        return response

    @staticmethod
    def _error(message, classification, status=200):
        error = {"message": message, "extensions": {"classification": classification}}
        return json_answer({"errors": [error], "data": None}, status)

    async def _answer(self, request):
        identity = self.sim.oauth.identify(request)
        ENTRY.get()["tenant"] = identity.realm
        books, limits = self.sim.ledgers.get(identity.realm), self.sim.rate_limits
        both = f"{identity.realm} {identity.client}"
        problem = limits.problem(identity.realm, identity.client, batch=False)
        if problem:
            return self.sim.throttled(problem)
        limits.count(identity.realm, identity.client, batch=False)
        limits.concurrent.enter(both)
        try:
            raw = await request.read()
            inside = INSIDE.get()
            if inside.delay:
                await asyncio.sleep(inside.delay)
            if inside.server_error:
                return self.sim.failed(inside.server_error)
            if books is None or not self.sim.oauth.connected(identity, identity.realm):
                return self._error("The app is not connected to this company.", "FORBIDDEN", 403)
            if PROJECTS not in identity.scopes:
                return self._error(f"Access denied: the scope {PROJECTS} is missing.", "FORBIDDEN", 403)
            try:
                Api.check_company(books)
            except Refused as refused:
                return self._error(refused.detail, "FORBIDDEN", 403)
            if not books.company["projects"]:
                return self._error("Projects are not available for this company.", "FORBIDDEN")
            return self._execute(books, raw)
        finally:
            limits.concurrent.leave(both)

    def _execute(self, books, raw):
        try:
            body = jsonio.loads(raw)
            text, variables = body["query"], body.get("variables") or {}
            document = graphql.parse(text)
        except graphql.GraphQLError as error:
            return json_answer({"errors": [error.formatted]}, 400)
        except (ValueError, KeyError, TypeError, AttributeError):
            return self._error("The body is JSON with a query and variables.", "BAD_REQUEST", 400)
        problems = graphql.validate(self.schema, document)
        if problems:
            return json_answer({"errors": [problem.formatted for problem in problems]})
        ENTRY.get()["purpose"] = _purpose(document)
        result = graphql.execute_sync(
            self.schema,
            document,
            Root(books, self.sim.store),
            variable_values=variables,
            operation_name=body.get("operationName"),
        )
        return json_answer(result.formatted)


def _purpose(document):
    """``projects.create`` and so on, by the first field of the document."""
    for definition in document.definitions:
        if isinstance(definition, graphql.OperationDefinitionNode):
            for node in definition.selection_set.selections:
                name = getattr(getattr(node, "name", None), "value", "")
                return {
                    "projectManagementProjects": "projects.list",
                    "projectManagementProject": "projects.read",
                    "projectManagementCreateProject": "projects.create",
                    "projectManagementUpdateProject": "projects.update",
                    "projectManagementDeleteProject": "projects.delete",
                }.get(name, "graphql")
    return "graphql"
