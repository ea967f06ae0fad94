"""What tells lines apart: tracking categories of Xero (provider_facts A9), classes of QuickBooks (B10)."""

import pytest
import qbo_contract
from qbo_kit import sales_line

from simulators.common import jsonio


@pytest.fixture
def branches(us):
    """Category and options of the US organisation by name: ids as the API tells them."""
    us.server.control(
        "POST",
        "/_sim/organisations/US",
        {
            "tracking": [
                {"Name": "Branch", "Options": ["North", "South", {"Name": "Old", "Status": "ARCHIVED"}]}
            ]
        },
    )
    (category,) = us.get("TrackingCategories")["TrackingCategories"]
    options = {one["Name"]: one["TrackingOptionID"] for one in category["Options"]}
    return category["TrackingCategoryID"], options


def tracked(option, category=None):
    return [{"TrackingCategoryID": category, "TrackingOptionID": option}]


def test_tracking_stays_until_it_is_taken_away(us, invoice, branches):
    category, options = branches
    line = invoice()["LineItems"][0]
    lines = [{**line, "Tracking": tracked(options["North"], category)}, line]
    made = us.call("PUT", "Invoices", invoice(LineItems=lines)).json()["Invoices"][0]
    assert [[one["Option"] for one in row["Tracking"]] for row in made["LineItems"]] == [["North"], []]
    ids = [row["LineItemID"] for row in made["LineItems"]]

    def change(*tracking):
        rows = [{"LineItemID": key, **row} for key, row in zip(ids, tracking, strict=True)]
        answer = us.call("POST", f"Invoices/{made['InvoiceID']}", {"LineItems": rows}).json()
        return [[one["Option"] for one in row["Tracking"]] for row in answer["Invoices"][0]["LineItems"]]

    assert change({}, {"Tracking": tracked(options["South"], category)}) == [["North"], ["South"]]
    assert change({"Tracking": []}, {"Tracking": [{"Name": "branch", "Option": "north"}]}) == [[], ["North"]]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (["North", "South"], "one option"),
        (["Old"], "archived"),
        (["Nowhere"], "could not be found"),
        (["North", "North", "North"], "at most 2"),
    ],
)
def test_what_tracking_is_refused(us, invoice, branches, given, words):
    line = {**invoice()["LineItems"][0], "Tracking": [{"Name": "Branch", "Option": one} for one in given]}
    answer = us.call("PUT", "Invoices", invoice(LineItems=[line]))
    assert answer.status_code == 400
    assert words in answer.text


def test_archived_categories_are_listed_on_demand(us, branches):
    us.server.control(
        "POST", "/_sim/organisations/US", {"tracking": [{"Name": "Branch", "Status": "ARCHIVED"}]}
    )
    assert us.get("TrackingCategories")["TrackingCategories"] == []
    assert len(us.get("TrackingCategories", includeArchived="true")["TrackingCategories"]) == 1


def test_classes_of_lines(qbo_us):
    qbo_us.control(classes=[{"Name": "North"}, {"Name": "Old", "Active": False}])
    everything = "SELECT * FROM Class WHERE Active IN (true,false)"
    answer = qbo_us.call("GET", "query", params={"query": everything})
    assert qbo_contract.violations(jsonio.loads(answer.content), qbo_contract.listed("Class")) == []
    ids = {one["Name"]: one["Id"] for one in answer.json()["QueryResponse"]["Class"]}

    def body(name):
        return qbo_us.invoice(
            Line=[
                sales_line(
                    100, Qty=2, UnitPrice=50, TaxCodeRef="TAX", ClassRef={"value": ids.get(name, name)}
                )
            ]
        )

    def class_of(invoice):
        return invoice["Line"][0]["SalesItemLineDetail"].get("ClassRef", {}).get("name")

    assert class_of(qbo_us.post("Invoice", body("North"))) is None, "not tracked by line"
    qbo_us.control(ClassTrackingPerTxnLine=True)
    assert class_of(qbo_us.post("Invoice", body("North"))) == "North"
    assert qbo_us.refused("Invoice", body("Old"))[0] == "2500"
    assert qbo_us.refused("Invoice", body("777"))[0] == "2500"
