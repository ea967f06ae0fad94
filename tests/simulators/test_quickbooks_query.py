"""The query language: what does not parse, what is not valid, and what comes back; change data capture."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qbo_kit import REALMS

from simulators.quickbooks import query as language
from simulators.quickbooks.errors import Refused

DAY = 86_400

# === THE GRAMMAR === #


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SELECT",
        "SELEC * FROM Customer",
        "SELECT * Customer",
        "SELECT * FROM",
        "SELECT * FROM Customer WHERE",
        "SELECT * FROM Customer WHERE ()",
        "SELECT * FROM Customer WHERE DisplayName",
        "SELECT * FROM Customer WHERE DisplayName =",
        "SELECT * FROM Customer WHERE DisplayName = O'Neill",
        "SELECT * FROM Customer WHERE DisplayName = 'O''Neill'",
        'SELECT * FROM Customer WHERE DisplayName = "Town Council"',
        "SELECT * FROM Customer WHERE DisplayName = 'A' OR DisplayName = 'B'",
        "SELECT * FROM Customer WHERE Balance > 0",
        "SELECT * FROM Customer WHERE Id = 1",
        "SELECT * FROM Customer WHERE Id IN ('1',)",
        "SELECT * FROM Customer WHERE Id IN '1'",
        "SELECT * FROM Customer, Item",
        "SELECT * FROM Customer GROUP BY Id",
        "SELECT * FROM Customer ORDERBY",
        "SELECT * FROM Customer STARTPOSITION",
        "SELECT * FROM Customer STARTPOSITION one",
        "SELECT * FROM Customer MAXRESULTS 10 STARTPOSITION 1",
        "SELECT * FROM Customer MAXRESULTS 1.5",
        "SELECT count(Id) FROM Customer",
        "SELECT * FROM Customer;",
        "SELECT * FROM Customer WHERE DisplayName = 'unfinished",
    ],
)
def test_what_does_not_parse(qbo_us, text):
    code, detail = qbo_us.query_refused(text)
    assert code == "4000"
    assert detail.startswith("QueryParserError: ")
    assert "at line 1, column" in detail


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("SELECT * FROM Nothing", "Invalid context declaration: Nothing"),
        ("SELECT * FROM Customer WHERE Shoe = '1'", "Property Shoe not found for Entity Customer"),
        ("SELECT Shoe FROM Customer", "Property Shoe not found for Entity Customer"),
        ("SELECT * FROM Customer ORDERBY Shoe", "Property Shoe not found for Entity Customer"),
        ("SELECT * FROM Customer WHERE Notes = 'x'", "property 'Notes' is not queryable"),
        (
            "SELECT * FROM Customer WHERE PrimaryEmailAddr = 'x'",
            "property 'PrimaryEmailAddr' is not queryable",
        ),
        ("SELECT * FROM Customer WHERE PrimaryEmailAddr.Address = 'x'", "is not queryable"),
        ("SELECT * FROM Invoice WHERE PrivateNote = 'x'", "property 'PrivateNote' is not queryable"),
        ("SELECT * FROM Invoice WHERE DepartmentRef = '1'", "property 'DepartmentRef' is not queryable"),
        ("SELECT * FROM Customer STARTPOSITION 0", "value 0 is too small. Min allowed value is 1"),
        ("SELECT * FROM Customer MAXRESULTS 0", "value 0 is too small. Min allowed value is 1"),
        ("SELECT * FROM Customer MAXRESULTS 1001", "value 1001 is too large. Max allowed value is 1000"),
        ("SELECT * FROM Invoice WHERE TxnDate = 'yesterday'", "is not valid for property TxnDate"),
        ("SELECT * FROM Invoice WHERE TotalAmt > 'much'", "is not valid for property TotalAmt"),
        ("SELECT * FROM Customer WHERE Active = 'maybe'", "is not a boolean"),
        ("SELECT * FROM Customer WHERE Active > true", "operator > is not supported"),
        ("SELECT * FROM Invoice WHERE TxnDate LIKE '2026%'", "operator LIKE is not supported"),
    ],
)
def test_what_is_not_valid(qbo_us, text, words):
    code, detail = qbo_us.query_refused(text)
    assert code == "4001"
    assert detail.startswith("QueryValidationError: ")
    assert words in detail


@settings(max_examples=300, deadline=None)
@given(st.text(max_size=60) | st.text(alphabet="SELECTFROMWHERE *()'=<>,\\. \n", max_size=60))
def test_any_text_parses_or_is_refused(text):
    try:
        parsed = language.parse(text)
    except Refused as refused:
        code = refused.code
    else:
        code = parsed.entity and "parsed"
    assert code in ("4000", "4001", "parsed")


@given(st.text(max_size=40))
def test_every_text_can_be_quoted(text):
    text = " ".join(text.splitlines())
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    parsed = language.parse(f"SELECT * FROM Customer WHERE DisplayName = '{quoted}'")  # noqa: S608 QuickBooks' own
    assert parsed.conditions == [("DisplayName", "=", [text])]


# === ANSWERS === #


def ids(response, entity="Customer"):
    return [int(element["Id"]) for element in response.get(entity, [])]


def test_strings_compare_without_case_and_escape_apostrophe_and_backslash(qbo_us):
    assert ids(qbo_us.query("select * from customer where displayname = 'TOWN council'"))
    assert ids(qbo_us.query(r"SELECT * FROM Customer WHERE DisplayName = 'Amelia O\'Neill'"))
    assert ids(qbo_us.query(r"SELECT * FROM Customer WHERE DisplayName = 'Back\\slash \'n\' Sons'"))
    assert ids(qbo_us.query("SELECT * FROM Customer WHERE DisplayName LIKE '%Creme%'")) == []
    assert ids(qbo_us.query("SELECT * FROM Customer WHERE DisplayName LIKE 'café%'"))
    both = qbo_us.query("SELECT * FROM Customer WHERE DisplayName IN ('Town Council', 'Bright Dental')")
    assert len(ids(both)) == 2
    assert qbo_us.query("SELECT * FROM Customer WHERE DisplayName = 'Nobody'") == {}


def test_inactive_ones_are_hidden_unless_asked_for(qbo_us):
    every = ids(qbo_us.query("SELECT * FROM Customer WHERE Active IN (true,false) MAXRESULTS 1000"))
    active = ids(qbo_us.query("SELECT * FROM Customer MAXRESULTS 1000"))
    gone = qbo_us.query("SELECT * FROM Customer WHERE Active = false")
    assert set(every) - set(active) == set(ids(gone))
    assert {element["DisplayName"] for element in gone["Customer"]} == {
        "Closed Bakery (deleted)",
        "Harbor Annex (deleted)",
    }
    assert ids(qbo_us.query("SELECT * FROM Account WHERE Active = false"), "Account") == [12]


def test_pages_do_not_overlap_and_ids_sort_as_numbers(qbo, qbo_us):
    qbo.control("POST", "/_sim/reset", {"seed": "empty", "contacts": 250, "keep_connections": True})
    text = "SELECT * FROM Customer ORDERBY Id STARTPOSITION {} MAXRESULTS 100"
    pages = [qbo_us.query(text.format(start)) for start in (1, 101, 201, 301)]
    assert [page.get("maxResults") for page in pages] == [100, 100, 50, None]
    assert [page.get("startPosition") for page in pages] == [1, 101, 201, None]
    assert pages[3] == {}
    assert [key for page in pages for key in ids(page)] == list(range(1, 251))
    assert ids(qbo_us.query("SELECT * FROM Customer WHERE Id > '99' ORDERBY Id MAXRESULTS 2")) == [100, 101]
    assert len(ids(qbo_us.query("SELECT * FROM Customer"))) == 100
    assert len(ids(qbo_us.query("SELECT * FROM Customer MAXRESULTS 1000"))) == 250
    assert qbo_us.query("SELECT count(*) FROM Customer") == {"totalCount": 250}
    assert qbo_us.query("SELECT COUNT(*) FROM Customer WHERE Id <= '10'") == {"totalCount": 10}


def test_order_by_several_properties(qbo_us):
    found = qbo_us.query("SELECT * FROM Item WHERE Active IN (true,false) ORDERBY Type DESC, Name ASC")[
        "Item"
    ]
    keys = [(item["Type"].casefold(), item["Name"].casefold()) for item in found]
    assert keys == sorted(sorted(keys, key=lambda k: k[1]), key=lambda k: k[0], reverse=True)
    assert (
        found
        == qbo_us.query("SELECT * FROM Item WHERE Active IN (true,false) ORDER BY Type DESC, Name")["Item"]
    )


def test_columns_cut_the_answer_and_a_star_does_not(qbo_us):
    element = qbo_us.query("SELECT DisplayName, MetaData.CreateTime FROM Customer WHERE Id = '1'")[
        "Customer"
    ][0]
    assert set(element) == {"DisplayName", "MetaData", "Id", "domain", "sparse"}
    whole = qbo_us.query("SELECT *, Sku FROM Item WHERE Id = '2'")["Item"][0]
    assert whole == qbo_us.get("item/2")["Item"]


def test_times_compare_as_moments(qbo, qbo_us):
    made = qbo_us.post("Customer", {"DisplayName": "Now"})
    assert "T" in made["MetaData"]["LastUpdatedTime"]
    assert made["MetaData"]["LastUpdatedTime"][-6:] in ("-07:00", "-08:00")
    day = qbo.control("GET", "/_sim/clock")["now"]
    for text in (day, day.replace("+00:00", "Z"), made["MetaData"]["LastUpdatedTime"]):
        later = qbo_us.query(f"SELECT * FROM Customer WHERE MetaData.LastUpdatedTime <= '{text}'")  # noqa: S608
        assert int(made["Id"]) in ids(later), text
    stamp = made["MetaData"]["LastUpdatedTime"]
    after = qbo_us.query(f"SELECT * FROM Customer WHERE MetaData.LastUpdatedTime > '{stamp}'")  # noqa: S608
    assert after == {}
    asked = qbo_us.query("SELECT * FROM Customer WHERE MetaData.LastUpdatedTime > '2099-01-01'")
    assert asked == {}


def test_numbers_and_days_of_documents(qbo_us):
    first = qbo_us.post("Invoice", qbo_us.invoice(TxnDate="2026-09-01", DocNumber="Q-1"))
    second = qbo_us.post("Invoice", qbo_us.invoice(TxnDate="2026-09-02", DocNumber="Q-2"))
    keys = [int(first["Id"]), int(second["Id"])]
    assert ids(qbo_us.query("SELECT * FROM Invoice"), "Invoice") == keys[::-1], "newest first"
    assert ids(qbo_us.query("SELECT * FROM Invoice ORDERBY TxnDate"), "Invoice") == keys
    assert ids(qbo_us.query("SELECT * FROM Invoice WHERE TxnDate > '2026-09-01'"), "Invoice") == keys[1:]
    assert ids(qbo_us.query("SELECT * FROM Invoice WHERE TotalAmt = '115'"), "Invoice") == keys[::-1]
    assert qbo_us.query("SELECT * FROM Invoice WHERE Balance > '115.01'") == {}
    assert ids(qbo_us.query("SELECT * FROM Invoice WHERE DocNumber = 'q-1'"), "Invoice") == keys[:1]
    reference = first["CustomerRef"]["value"]
    text = f"SELECT * FROM Invoice WHERE CustomerRef = '{reference}' AND TxnDate = '2026-09-02'"  # noqa: S608
    assert ids(qbo_us.query(text), "Invoice") == keys[1:]


def test_projects_and_sub_customers_are_found(qbo_us):
    projects = qbo_us.query("SELECT * FROM Customer WHERE IsProject = true")["Customer"]
    assert {element["DisplayName"] for element in projects} >= {"Town Hall Roof", "Cellar O'Neill"}
    assert all(element["Job"] and element["ParentRef"]["value"] for element in projects)
    council = qbo_us.customer("Town Council")["Id"]
    children = qbo_us.query(f"SELECT * FROM Customer WHERE ParentRef = '{council}'")["Customer"]  # noqa: S608
    assert len(children) == 2
    assert len(ids(qbo_us.query("SELECT * FROM Customer WHERE Job = true AND IsProject = false"))) == 3


def test_get_and_post_answer_alike(qbo_us):
    text = "SELECT * FROM Term ORDERBY Id"
    assert qbo_us.get("query", query=text)["QueryResponse"] == qbo_us.query(text)


@pytest.mark.parametrize(
    ("entity", "count"),
    [
        ("Account", 14),
        ("TaxCode", 3),
        ("TaxRate", 3),
        ("TaxAgency", 1),
        ("Term", 4),
        ("PaymentMethod", 3),
        ("Vendor", 2),
        ("Employee", 1),
    ],
)
def test_lists_are_there(qbo_us, entity, count):
    assert qbo_us.query(f"SELECT count(*) FROM {entity}") == {"totalCount": count}  # noqa: S608
    element = qbo_us.query(f"SELECT * FROM {entity} MAXRESULTS 1")[entity][0]  # noqa: S608
    assert qbo_us.get(f"{entity.lower()}/{element['Id']}")[entity] == element


# === CHANGE DATA CAPTURE === #


def cdc(company, entities, since):
    return company.get("cdc", entities=entities, changedSince=since)["CDCResponse"][0]["QueryResponse"]


def test_cdc_refuses_what_is_wrong(qbo, qbo_us):
    for params, code in (
        ({"changedSince": "2026-01-01"}, "2020"),
        ({"entities": "Customer"}, "2020"),
        ({"entities": "Customer", "changedSince": "soon"}, "2090"),
        ({"entities": "Customer", "changedSince": "2020-01-01"}, "2090"),
    ):
        assert qbo_us.fault(qbo_us.call("GET", "cdc", params=params))[0] == code
    since = qbo.control("GET", "/_sim/clock")["now"]
    answer = qbo_us.call("GET", "cdc", params={"entities": "Nothing", "changedSince": since})
    assert qbo_us.fault(answer)[0] == "500"


def test_cdc_tells_of_changed_inactive_deleted_and_merged(qbo, qbo_us):
    # Past the demo's own changes, which reach back a month.
    qbo.control("POST", "/_sim/clock", {"advance_seconds": 40 * DAY})
    calls = type(qbo_us)(qbo, qbo.control("POST", "/_sim/tokens", {"issue": {"company": "US"}}))
    # Times have whole seconds: a moment within one would leave out what that second still brings.
    since = qbo.control("GET", "/_sim/clock")["now"][:19] + "Z"
    assert cdc(calls, "Customer,Invoice", since) == [{}, {}]
    kept = calls.post("Invoice", calls.invoice())
    gone = calls.post("Invoice", calls.invoice())
    calls.post("Invoice", {"Id": gone["Id"], "SyncToken": "0"}, operation="delete")
    calls.control(contacts=[{"DisplayName": "No Mail Motors", "Active": False}])
    calls.control(merge=[{"from": "Bright Dental (North)", "into": "Bright Dental"}])
    customers, invoices = cdc(calls, "Customer,Invoice", since)
    by_id = {element["Id"]: element for element in invoices["Invoice"]}
    assert by_id[kept["Id"]]["TotalAmt"] == 115
    deleted = by_id[gone["Id"]]
    assert set(deleted) == {"domain", "status", "Id", "MetaData"}
    assert deleted["status"] == "Deleted"
    assert (invoices["startPosition"], invoices["maxResults"]) == (1, 2)
    names = {element.get("DisplayName"): element for element in customers["Customer"]}
    assert names["No Mail Motors (deleted)"]["Active"] is False
    assert "Bright Dental" in names
    assert [e for e in customers["Customer"] if e.get("status") == "Deleted"]


def test_cdc_stops_at_a_thousand_objects_an_entity(qbo, qbo_us):
    qbo.control(
        "POST",
        "/_sim/reset",
        {"seed": "empty", "contacts": 1050, "companies": ["US"], "keep_connections": True},
    )
    since = qbo_us.query("SELECT * FROM Customer WHERE Id = '1'")["Customer"][0]["MetaData"]["CreateTime"]
    (customers,) = cdc(qbo_us, "Customer", since)
    assert len(customers["Customer"]) == 1000
    last = customers["Customer"][-1]["MetaData"]["LastUpdatedTime"]
    (rest,) = cdc(qbo_us, "Customer", last)
    assert {e["Id"] for e in customers["Customer"]} | {e["Id"] for e in rest["Customer"]} == {
        str(number) for number in range(1, 1051)
    }


def test_reset_counts_companies(qbo):
    answer = qbo.control("POST", "/_sim/reset", {"seed": "empty", "items": 5, "companies": ["GB"]})
    counts = {realm: entry["counts"] for realm, entry in answer["companies"].items()}
    assert counts[REALMS["GB"]]["items"] == 6
    assert counts[REALMS["US"]]["items"] == 1
