"""Products and services: required properties, accounts, names, inactive ones."""

import pytest

SERVICE = {"Type": "Service", "IncomeAccountRef": {"value": "9"}}


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({**SERVICE}, "2020"),
        ({"Name": "A", "IncomeAccountRef": {"value": "9"}}, "2020"),
        ({"Name": "A", "Type": "Service"}, "2020"),
        ({**SERVICE, "Name": "A", "Type": "Widget"}, "2170"),
        ({**SERVICE, "Name": "A:B"}, "2040"),
        ({**SERVICE, "Name": "x" * 101}, "2050"),
        ({**SERVICE, "Name": "A", "Sku": "x" * 101}, "2050"),
        ({**SERVICE, "Name": "A", "Description": "x" * 4001}, "2050"),
        ({**SERVICE, "Name": "A", "UnitPrice": "dear"}, "2080"),
        ({**SERVICE, "Name": "A", "IncomeAccountRef": {"value": "999"}}, "2500"),
        ({**SERVICE, "Name": "A", "IncomeAccountRef": {"value": "12"}}, "2500"),
        ({**SERVICE, "Name": "A", "IncomeAccountRef": {"value": "1"}}, "6000"),
        ({**SERVICE, "Name": "A", "ParentRef": {"value": "999"}}, "2500"),
        ({**SERVICE, "Name": "hours"}, "6240"),
        ({**SERVICE, "Name": "A", "Type": "Inventory"}, "2020"),
        (
            {
                "Name": "A",
                "Type": "Group",
                "ItemGroupDetail": {"ItemGroupLine": [{"ItemRef": {"value": "99"}}]},
            },
            "2500",
        ),
    ],
)
def test_refused(qbo_us, values, code):
    assert qbo_us.refused("Item", values)[0] == code


def test_create_read_change(qbo_us):
    made = qbo_us.post(
        "Item", {**SERVICE, "Name": "Survey", "Sku": "SV-1", "UnitPrice": "12.3456", "Taxable": True}
    )
    assert str(made["UnitPrice"]) == "12.3456"
    assert made["IncomeAccountRef"] == {"value": "9", "name": "Services"}
    assert (made["FullyQualifiedName"], made["Sku"], made["Active"]) == ("Survey", "SV-1", True)
    changed = qbo_us.post("Item", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "UnitPrice": 20})
    assert (changed["UnitPrice"], changed["Sku"], changed["SyncToken"]) == (20, "SV-1", "1")
    full = qbo_us.post("Item", {"Id": made["Id"], "SyncToken": "1", "Name": "Survey", **SERVICE})
    assert "Sku" not in full
    assert full["UnitPrice"] == 0
    assert (
        qbo_us.refused("Item", {"Id": made["Id"], "SyncToken": "1", "sparse": True, "UnitPrice": 1})[0]
        == "5010"
    )


def test_same_sku_twice_is_allowed_and_names_are_unique_in_a_category(qbo_us):
    assert len(qbo_us.query("SELECT * FROM Item WHERE Sku = 'VALVE-15'")["Item"]) == 2
    valve = qbo_us.item("Valve 15 mm")
    assert valve["FullyQualifiedName"] == "Parts:Valve 15 mm"
    assert valve["ParentRef"]["name"] == "Parts"
    top = {"Name": "Valve 15 mm", "Type": "NonInventory", "IncomeAccountRef": {"value": "10"}}
    assert qbo_us.post("Item", top)["FullyQualifiedName"] == "Valve 15 mm"
    assert qbo_us.refused("Item", {**top, "ParentRef": valve["ParentRef"]})[0] == "6240"


def test_inventory_needs_its_accounts_and_stays_inventory(qbo_us):
    boiler = qbo_us.item("Boiler C24")
    assert (boiler["TrackQtyOnHand"], boiler["QtyOnHand"]) == (True, 4)
    change = {"Id": boiler["Id"], "SyncToken": "0", "sparse": True}
    assert qbo_us.refused("Item", {**change, "Type": "Service"})[0] == "6000"
    assert qbo_us.post("Item", {**change, "UnitPrice": 1200})["UnitPrice"] == 1200


def test_inactive_item_is_hidden_freed_and_cannot_be_sold(qbo_us):
    pipe = qbo_us.item("Pipe 3m")
    gone = qbo_us.post("Item", {"Id": pipe["Id"], "SyncToken": "0", "sparse": True, "Active": False})
    assert gone["Name"] == "Pipe 3m (deleted)"
    assert qbo_us.query("SELECT * FROM Item WHERE Name LIKE 'Pipe%'") == {}
    assert qbo_us.query("SELECT * FROM Item WHERE Name LIKE 'Pipe%' AND Active IN (true,false)")["Item"] == [
        gone
    ]
    line = {
        "DetailType": "SalesItemLineDetail",
        "Amount": 1,
        "SalesItemLineDetail": {"ItemRef": {"value": pipe["Id"]}},
    }
    assert qbo_us.refused("Invoice", qbo_us.invoice(Line=[line]))[0] == "2500"
    assert qbo_us.post("Item", {"Name": "Pipe 3m", **SERVICE})["Id"] != pipe["Id"]


def test_every_type_is_there(qbo_us):
    types = {item["Type"] for item in qbo_us.query("SELECT * FROM Item")["Item"]}
    assert types == {"Service", "NonInventory", "Inventory", "Group", "Category"}
    assert any(
        "Sku" not in item for item in qbo_us.query("SELECT * FROM Item WHERE Type = 'NonInventory'")["Item"]
    )
