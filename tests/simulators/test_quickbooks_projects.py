"""The Projects API: who may use it, what it refuses, and that its projects are customers too."""

import pytest
import requests
from qbo_kit import ACCOUNTING, PROJECTS

LIST = """query(
  $first: Int!, $after: String, $filter: ProjectManagement_ProjectFilter!, $orderBy: [ProjectManagement_OrderBy!]
) {
  projectManagementProjects(first: $first, after: $after, filter: $filter, orderBy: $orderBy) {
    edges { node { id name description status startDate dueDate customer { id } account { id } } cursor }
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
  }
}"""
CREATE = """mutation($input: ProjectManagement_CreateProjectInput!) {
  projectManagementCreateProject(input: $input) {
    ... on ProjectManagement_Project { id name status description dueDate customer { id } }
    ... on ProjectManagement_Error { message classification }
  }
}"""
UPDATE = """mutation($input: ProjectManagement_UpdateProjectInput!) {
  projectManagementUpdateProject(input: $input) {
    ... on ProjectManagement_Project { id name status }
    ... on ProjectManagement_Error { message classification }
  }
}"""
DELETE = """mutation($id: ID!) {
  projectManagementDeleteProject(input: {id: $id}) {
    ... on ProjectManagement_Project { id deleted }
    ... on ProjectManagement_Error { message classification }
  }
}"""
READ = "query($id: ID!) { projectManagementProject(id: $id) { id name status } }"


def listed(company, **variables):
    body = company.graphql(LIST, **{"first": 100, "filter": {}, **variables})
    assert "errors" not in body, body
    return body["data"]["projectManagementProjects"]


def created(company, **values):
    return company.graphql(CREATE, input=values)["data"]["projectManagementCreateProject"]


# === WHO MAY === #


def test_scope_token_connection_and_plan(qbo, qbo_connect):
    without = qbo_connect("US", scopes=[ACCOUNTING])
    body = without.graphql(READ, status=403, id="1")
    assert body["data"] is None
    assert PROJECTS in body["errors"][0]["message"]
    answer = requests.post(f"{qbo.base_url}/graphql", json={"query": READ}, timeout=10)
    assert answer.status_code == 401
    assert answer.json()["fault"]["error"][0]["code"] == "3200"
    plain = qbo_connect("US2", scopes=[ACCOUNTING, PROJECTS])
    assert "not available" in plain.graphql(READ, id="1")["errors"][0]["message"]
    both = qbo_connect("US", scopes=[ACCOUNTING, PROJECTS])
    qbo.control("POST", "/_sim/tokens", {"disconnect": "US"})
    assert "errors" in both.graphql(READ, status=403, id="1")


def test_what_graphql_refuses(qbo, qbo_us):
    for data in (b"", b"{", b"[]", b'{"query": 1}', b'{"variables": {}}'):
        answer = qbo_us.session.post(f"{qbo.base_url}/graphql", data=data, timeout=10)
        assert answer.status_code == 400
        assert answer.json()["errors"][0]["message"]
    assert qbo_us.graphql("query { projectManagementProjects", status=400)["errors"]
    assert "Cannot query field" in qbo_us.graphql("{ shoes }")["errors"][0]["message"]
    assert (
        "filter"
        in qbo_us.graphql("{projectManagementProjects(first: 1) {pageInfo {hasNextPage}}}")["errors"][0][
            "message"
        ]
    )
    assert "$first" in qbo_us.graphql(LIST, filter={})["errors"][0]["message"]
    assert qbo_us.graphql(LIST, first="x", filter={})["errors"]
    assert qbo_us.graphql(LIST, first=0, filter={})["errors"]
    assert qbo_us.graphql(LIST, first=501, filter={})["errors"]
    assert qbo_us.graphql(LIST, first=1, filter={}, after="nonsense")["errors"]
    assert qbo_us.graphql(LIST, first=1, filter={"status": "OPEN"})["errors"], "only dates can be filtered"
    body = qbo_us.graphql(READ, id="1")
    assert body["data"] == {"projectManagementProject": None}
    assert body["errors"][0]["extensions"]["classification"] == "NOT_FOUND"


@pytest.mark.parametrize(
    ("values", "kind", "words"),
    [
        ({"name": " ", "customer": {"id": "3"}}, "VALIDATION", "needs a name"),
        ({"name": "A"}, "VALIDATION", "customer does not exist"),
        ({"name": "A", "customer": {"id": "999"}}, "VALIDATION", "customer does not exist"),
        ({"name": "A", "customer": {"id": "9"}}, "VALIDATION", "inactive"),
        ({"name": "A:B", "customer": {"id": "3"}}, "VALIDATION", "colon"),
        ({"name": "x" * 101, "customer": {"id": "3"}}, "VALIDATION", "100"),
        ({"name": "Town Council", "customer": {"id": "3"}}, "CONFLICT", "already"),
        ({"name": "A", "customer": {"id": "3"}, "priority": 10}, "VALIDATION", "priority"),
        ({"name": "A", "customer": {"id": "3"}, "account": {"id": "1"}}, "VALIDATION", "another company"),
    ],
)
def test_refusals_come_as_the_error_of_the_union(qbo_us, values, kind, words):
    result = created(qbo_us, **values)
    assert result["classification"] == kind
    assert words in result["message"]
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE IsProject = true") == {"totalCount": 4}


def test_values_must_have_their_types(qbo_us):
    for values in ({"status": "DONE"}, {"dueDate": "soon"}, {"completionRate": "half"}, {"pinned": "yes"}):
        body = qbo_us.graphql(CREATE, input={"name": "A", "customer": {"id": "3"}, **values})
        assert body["errors"], values


# === READING === #


def test_pages_by_cursor(qbo_us):
    every = [edge["node"]["name"] for edge in listed(qbo_us)["edges"]]
    assert every == ["Town Hall Roof", "Pump Station – Phase 2", "Cellar O'Neill", "Lobby Refit"]
    first = listed(qbo_us, first=3)
    assert first["pageInfo"]["hasNextPage"]
    assert not first["pageInfo"]["hasPreviousPage"]
    rest = listed(qbo_us, first=3, after=first["pageInfo"]["endCursor"])
    assert [edge["node"]["name"] for edge in rest["edges"]] == every[3:]
    assert not rest["pageInfo"]["hasNextPage"]
    node = first["edges"][0]["node"]
    assert node["status"] == "IN_PROGRESS"
    assert node["account"] == {"id": qbo_us.realm}
    assert qbo_us.get(f"customer/{node['customer']['id']}")["Customer"]["DisplayName"] == "Town Council"


def test_filter_and_order_by_dates(qbo_us):
    for name, day in (("Late", "2031-05-01T00:00:00.000Z"), ("Early", "2031-02-01T00:00:00.000Z")):
        assert created(qbo_us, name=name, customer={"id": "3"}, dueDate=day)["dueDate"] == day
    span = {"between": {"minDate": "2031-01-01T00:00:00.123456789-07:00", "maxDate": "2031-12-31T00:00:00Z"}}
    found = listed(qbo_us, filter={"dueDate": span}, orderBy=["DUE_DATE_ASC"])["edges"]
    assert [edge["node"]["name"] for edge in found] == ["Early", "Late"]
    found = listed(qbo_us, filter={"dueDate": span}, orderBy=["DUE_DATE_DESC"])["edges"]
    assert [edge["node"]["name"] for edge in found] == ["Late", "Early"]


# === WRITING === #


def test_a_project_is_a_customer_with_isproject(qbo, qbo_us):
    made = created(qbo_us, name="New Wing", customer={"id": "3"}, description="d", status="OPEN")
    customer = qbo_us.get(f"customer/{made['id']}")["Customer"]
    assert customer["FullyQualifiedName"] == "Town Council:New Wing"
    assert (customer["Job"], customer["IsProject"], customer["ParentRef"]["value"]) == (True, True, "3")
    project = {"value": made["id"]}
    assert qbo_us.post("Invoice", qbo_us.invoice(ProjectRef=project))["ProjectRef"] == project
    result = qbo_us.graphql(DELETE, id=made["id"])["data"]["projectManagementDeleteProject"]
    assert result["classification"] == "VALIDATION"
    assert qbo_us.refused("Customer", {"DisplayName": "S", "Job": True, "ParentRef": project})[0] == "6000"
    purposes = [entry["purpose"] for entry in qbo.control("GET", "/_sim/requests?path=/graphql")["requests"]]
    assert purposes == ["projects.create", "projects.delete"]


def test_update_renames_and_moves_on(qbo_us):
    made = created(qbo_us, name="Phase", customer={"id": "3"})
    result = qbo_us.graphql(UPDATE, input={"id": made["id"], "name": "Phase 1", "status": "COMPLETE"})
    assert result["data"]["projectManagementUpdateProject"] == {
        "id": made["id"],
        "name": "Phase 1",
        "status": "COMPLETE",
    }
    customer = qbo_us.customer("Phase 1")
    assert customer["SyncToken"] == "1"
    refused = qbo_us.graphql(UPDATE, input={"id": made["id"], "customer": {"id": "1"}})
    assert "can't be changed" in refused["data"]["projectManagementUpdateProject"]["message"]
    nobody = qbo_us.graphql(UPDATE, input={"id": "999", "name": "X"})
    assert "not found" in nobody["data"]["projectManagementUpdateProject"]["message"]
    # The name can be changed from the customer's side too.
    qbo_us.post("Customer", {"Id": made["id"], "SyncToken": "1", "sparse": True, "DisplayName": "Phase One"})
    assert qbo_us.graphql(READ, id=made["id"])["data"]["projectManagementProject"] == {
        "id": made["id"],
        "name": "Phase One",
        "status": "COMPLETE",
    }


def test_delete_of_an_unused_project(qbo_us):
    made = created(qbo_us, name="Unused", customer={"id": "3"})
    result = qbo_us.graphql(DELETE, id=made["id"])
    assert result["data"]["projectManagementDeleteProject"] == {"id": made["id"], "deleted": True}
    assert qbo_us.fault(qbo_us.call("GET", f"customer/{made['id']}"))[0] == "610"


def test_what_a_person_does_with_projects(qbo_us):
    (key,) = qbo_us.control(projects=[{"name": "By Hand", "customer": "Town Council", "status": "OPEN"}])[
        "projects"
    ]
    qbo_us.control(projects=[{"name": "By Hand", "status": "CANCELED", "rename": "By Hand 2"}])
    assert qbo_us.graphql(READ, id=key)["data"]["projectManagementProject"] == {
        "id": key,
        "name": "By Hand 2",
        "status": "CANCELED",
    }
    qbo_us.control(ProjectsEnabled=False)
    assert "errors" in qbo_us.graphql(READ, id=key)
