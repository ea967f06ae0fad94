"""The Projects API: GraphQL, because REST can read projects but not make them (provider_facts B13).

Its projects and the customers that they are in REST are two sides of one thing; which belongs to which is told by
the id where both have the same, otherwise by name and customer.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..transport import Answer, BearerAuth, Transport
from ..wire import encode, flag, nested, objects, text
from . import faults

URL = 'https://qb.api.intuit.com/graphql'
SCOPE = 'project-management.project'
PAGE_SIZE = 500
_MAX_PAGES = 200

_FIELDS = 'id name status customer { id }'
# the size of a page and the empty filter are written out: of what type the variables would be is told differently
LIST = f"""query projectManagementProjects($after: String) {{
  projectManagementProjects(first: {PAGE_SIZE}, after: $after, filter: {{}}) {{
    edges {{ node {{ {_FIELDS} }} }}
    pageInfo {{ hasNextPage endCursor }}
  }}
}}"""
_RESULT = f"""... on ProjectManagement_Project {{ {_FIELDS} }}
    ... on ProjectManagement_Error {{ message classification }}"""
CREATE = f"""mutation projectManagementCreateProject(
  $name: String!, $customer: ProjectManagement_CustomerInput, $status: ProjectManagement_Status
) {{
  projectManagementCreateProject(input: {{ name: $name, customer: $customer, status: $status }}) {{
    {_RESULT}
  }}
}}"""
UPDATE = f"""mutation projectManagementUpdateProject(
  $id: ID!, $name: String, $status: ProjectManagement_Status
) {{
  projectManagementUpdateProject(input: {{ id: $id, name: $name, status: $status }}) {{
    {_RESULT}
  }}
}}"""


@dataclass(frozen=True)
class Node:
    """A project of the Projects API. ``status`` is Intuit's word."""

    id: str
    name: str
    status: str
    customer_id: str


def node_of(element: dict) -> Node:
    return Node(
        id=text(element, 'id').strip(),
        name=text(element, 'name').strip(),
        status=text(element, 'status').strip().upper(),
        customer_id=text(nested(element, 'customer'), 'id').strip(),
    )


def nodes_of(connection: dict) -> list[Node]:
    return [node_of(nested(edge, 'node')) for edge in objects(connection, 'edges')]


class Directory:
    """Finds the project of the Projects API that a customer of REST is."""

    def __init__(self, nodes):
        self._by_id = {node.id: node for node in nodes if node.id}
        self._by_name = {(node.name.casefold(), node.customer_id): node for node in nodes}

    def find(self, customer_id: str, name: str, parent_id: str) -> Node | None:
        node = self._by_id.get(customer_id)
        if node and node.name.casefold() == name.strip().casefold():
            return node
        return self._by_name.get((name.strip().casefold(), parent_id))


class ProjectsApi:
    """The Projects API of the company that an access token is for."""

    def __init__(self, transport: Transport, access_token: str):
        self._transport = transport
        self._access_token = access_token

    def _call(self, purpose: str, body: str) -> tuple[Answer, dict]:
        """Answer and ``data``.

        :raise PermissionMissing: the app, the person or the plan may not work with projects.
        """
        answer = self._transport.request(
            purpose,
            'POST',
            URL,
            headers={'Accept': 'application/json', 'Content-Type': 'application/json'},
            body=body.encode(),
            auth=BearerAuth(self._access_token),
        )
        error = faults.graphql_error(answer)
        if error is not None:
            raise error
        data = answer.json()
        data = data.get('data') if isinstance(data, dict) else None
        if not isinstance(data, dict):
            raise answer.unreadable('an answer without data')
        return answer, data

    def list_all(self) -> list[Node]:
        nodes: list[Node] = []
        after = None
        for _page in range(_MAX_PAGES):
            _answer, data = self._call(
                'projects.list', encode({'query': LIST, 'variables': {'after': after}})
            )
            connection = nested(data, 'projectManagementProjects')
            nodes += nodes_of(connection)
            info = nested(connection, 'pageInfo')
            after = text(info, 'endCursor')
            if not flag(info, 'hasNextPage') or not after:
                break
        return nodes

    def change(self, purpose: str, body: str) -> tuple[Answer, Node]:
        """Send a mutation; the project as it is now.

        :raise Conflict, ValidationRejected, NotFound, PermissionMissing: it was refused.
        """
        answer, data = self._call(purpose, body)
        result = next((item for item in data.values() if isinstance(item, dict)), {})
        error = faults.project_error(answer, result)
        if error is not None:
            raise error
        node = node_of(result)
        if not node.id:
            raise answer.unreadable('an answer without the project')
        return answer, node
