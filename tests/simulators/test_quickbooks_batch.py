"""Batches: order, own faults, limits of size, requestid and bId; what the log tells of them."""

import pytest
from qbo_kit import sales_line


def create(number, entity, values):
    return {"bId": str(number), "operation": "create", entity: values}


def test_malformed_batches_are_refused_whole(qbo_us):
    for body in ({}, {"BatchItemRequest": {}}, {"BatchItemRequest": ["x"]}):
        assert qbo_us.fault(qbo_us.call("POST", "batch", body))[0] == "2020"
    many = [create(number, "Customer", {"DisplayName": f"N {number}"}) for number in range(31)]
    assert qbo_us.fault(qbo_us.call("POST", "batch", {"BatchItemRequest": many}))[0] == "1040"
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName LIKE 'N %'") == {"totalCount": 0}


@pytest.mark.parametrize(
    ("entry", "code"),
    [
        ({"operation": "create"}, "2020"),
        ({"operation": "create", "Shoe": {}}, "2020"),
        ({"operation": "explode", "Customer": {"DisplayName": "X"}}, "500"),
        ({"Customer": {"DisplayName": "X"}}, "500"),
        ({"operation": "update", "Customer": {"DisplayName": "X"}}, "2020"),
        ({"operation": "update", "Customer": []}, "2020"),
        ({"operation": "create", "Customer": ["X"]}, "2010"),
        ({"operation": "delete", "Customer": {"Id": "1", "SyncToken": "0"}}, "500"),
        ({"operation": "create", "Account": {"Name": "X"}}, "500"),
        ({"Query": "selec"}, "4000"),
        ({"Query": "SELECT * FROM Shoe"}, "4001"),
    ],
)
def test_members_have_their_own_faults(qbo_us, entry, code):
    answer = qbo_us.batch({"bId": "bad", **entry}, create("good", "Customer", {"DisplayName": "Fine"}))
    assert [member["bId"] for member in answer] == ["bad", "good"]
    assert answer[0]["Fault"]["Error"][0]["code"] == code
    assert answer[0]["Fault"]["type"] == "ValidationFault"
    assert answer[1]["Customer"]["DisplayName"] == "Fine"


def test_thirty_in_order_with_a_bad_one_in_the_middle(qbo_us):
    lines = [sales_line(10, TaxCodeRef="NON")]
    members = [create(n, "Invoice", qbo_us.invoice(DocNumber=f"B-{n}", Line=lines)) for n in range(30)]
    members[7]["Invoice"]["DocNumber"] = "B-3"
    members[11]["Invoice"]["CustomerRef"] = {"value": "999"}
    answer = qbo_us.batch(*members, requestid="batch-1")
    assert [member["bId"] for member in answer] == [str(n) for n in range(30)]
    faults = {m["bId"]: m["Fault"]["Error"][0]["code"] for m in answer if "Fault" in m}
    assert faults == {"7": "6140", "11": "2500"}
    assert [m["Invoice"]["DocNumber"] for m in answer if "Invoice" in m] == [
        f"B-{n}" for n in range(30) if n not in (7, 11)
    ]
    assert qbo_us.query("SELECT count(*) FROM Invoice") == {"totalCount": 28}
    again = qbo_us.batch(*members[:1], requestid="batch-1")
    assert again == answer
    assert qbo_us.query("SELECT count(*) FROM Invoice") == {"totalCount": 28}


def test_bids_are_short_only_with_a_requestid(qbo_us):
    long = create("x" * 36, "Customer", {"DisplayName": "Long Id"})
    assert qbo_us.batch(long)[0]["Customer"]["DisplayName"] == "Long Id"
    long["Customer"]["DisplayName"] = "Long Id 2"
    assert qbo_us.batch(long, requestid="r")[0]["Fault"]["Error"][0]["code"] == "2050"


def test_update_delete_void_and_query_members(qbo_us):
    first, second = (qbo_us.post("Invoice", qbo_us.invoice()) for _ in range(2))
    answer = qbo_us.batch(
        {
            "bId": "1",
            "operation": "update",
            "Customer": {"Id": "1", "SyncToken": "0", "sparse": True, "Notes": "n"},
        },
        {
            "bId": "2",
            "operation": "update",
            "Customer": {"Id": "1", "SyncToken": "0", "sparse": True, "Notes": "m"},
        },
        {
            "bId": "3",
            "operation": "update",
            "optionsData": "void",
            "Invoice": {"Id": first["Id"], "SyncToken": "0"},
        },
        {"bId": "4", "operation": "delete", "Invoice": {"Id": second["Id"], "SyncToken": "0"}},
        {"bId": "5", "Query": "SELECT * FROM Invoice"},
        {"bId": "6", "Query": "SELECT * FROM Customer WHERE DisplayName = 'Nobody'"},
    )
    assert answer[0]["Customer"]["Notes"] == "n"
    assert answer[1]["Fault"]["Error"][0]["code"] == "5010"
    assert (answer[2]["Invoice"]["TotalAmt"], answer[2]["Invoice"]["PrivateNote"]) == (0, "Voided")
    assert answer[3]["Invoice"] == {"domain": "QBO", "status": "Deleted", "Id": second["Id"]}
    assert [e["Id"] for e in answer[4]["QueryResponse"]["Invoice"]] == [first["Id"]]
    assert answer[5]["QueryResponse"] == {}


def test_members_see_what_earlier_ones_did_and_a_create_ignores_an_id(qbo_us):
    answer = qbo_us.batch(
        create(1, "Customer", {"DisplayName": "Twice"}),
        create(2, "Customer", {"DisplayName": "Twice"}),
        create(
            3,
            "Item",
            {
                "Id": "2",
                "SyncToken": "0",
                "Name": "New",
                "Type": "Service",
                "IncomeAccountRef": {"value": "9"},
            },
        ),
    )
    assert answer[1]["Fault"]["Error"][0]["code"] == "6240"
    assert answer[2]["Item"]["Id"] != "2"


def test_duplicate_numbers_can_be_let_through_by_optionsdata(qbo_us):
    qbo_us.post("Invoice", qbo_us.invoice(DocNumber="D"))
    member = {**create(1, "Invoice", qbo_us.invoice(DocNumber="D")), "optionsData": "allowduplicatedocnum"}
    assert qbo_us.batch(member)[0]["Invoice"]["DocNumber"] == "D"


def test_the_log_tells_what_was_in_a_batch(qbo, qbo_us):
    qbo_us.batch(
        create(1, "Customer", {"DisplayName": "L 1"}),
        create(2, "Customer", {"DisplayName": "L 2"}),
        {"bId": "3", "Query": "SELECT * FROM Term"},
    )
    (entry,) = qbo.control("GET", "/_sim/requests?purpose=contacts.create")["requests"]
    assert entry["purpose"] == "batch"
    assert entry["batch"] == {"contacts.create": 2, "terms.list": 1}
    assert qbo.control("GET", "/_sim/requests?purpose=invoices.create")["count"] == 0


def test_a_failing_batch_leaves_nothing_behind_when_the_server_fails(qbo, qbo_us):
    qbo.control("POST", "/_sim/faults", {"fault": "status:500", "path": "/batch$"})
    body = {"BatchItemRequest": [create(1, "Customer", {"DisplayName": "Ghost"})]}
    assert qbo_us.call("POST", "batch", body).status_code == 500
    assert qbo_us.query("SELECT count(*) FROM Customer WHERE DisplayName = 'Ghost'") == {"totalCount": 0}
