"""Items (provider_facts A8)."""

from decimal import Decimal

import pytest


@pytest.mark.parametrize("method", ["PUT", "POST"])
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({}, "Code must be supplied"),
        ({"Code": " "}, "Code must be supplied"),
        ({"Code": "x" * 31}, "30"),
        ({"Code": "N", "Name": "x" * 51}, "Name"),
        ({"Code": "N", "Description": "x" * 4001}, "4000"),
        ({"Code": "N", "SalesDetails": {"UnitPrice": "much"}}, "UnitPrice"),
        ({"Code": "N", "SalesDetails": {"AccountCode": "999"}}, "Account code '999'"),
        ({"Code": "N", "SalesDetails": {"AccountCode": "299"}}, "Account code '299'"),
        ({"Code": "N", "SalesDetails": {"TaxType": "NOPE"}}, "TaxType code 'NOPE'"),
        ({"Code": "N", "SalesDetails": {"TaxType": "TAX003"}}, "TaxType code 'TAX003'"),
        ({"Code": "N", "InventoryAssetAccountCode": "200"}, "INVENTORY"),
        ({"Code": "N", "InventoryAssetAccountCode": "630"}, "COGSAccountCode"),
    ],
)
def test_refusals(us, method, values, words):
    messages = us.refused(method, "Items", values)
    assert any(words in message for message in messages), messages
    assert len(us.get("Items")["Items"]) == 10


def test_put_refuses_a_code_in_use(us):
    assert us.refused("PUT", "Items", {"Code": "labour"}) == [
        "Price List Item with Code 'labour' already exists"
    ]


def test_put_refuses_an_item_id(us):
    us.refused("PUT", "Items", {"ItemID": us.get("Items/LABOUR")["Items"][0]["ItemID"], "Code": "X"})
    assert us.refused("POST", "Items", {"ItemID": "1" * 8, "Code": "X"})


def test_create_and_read_by_id_and_code(us):
    made = us.put(
        "Items",
        {"Code": "A/b 1", "Name": "Thing", "SalesDetails": {"UnitPrice": "1.23456", "AccountCode": "200"}},
        unitdp=4,
    )[0]
    assert made["SalesDetails"] == {"UnitPrice": Decimal("1.2346"), "AccountCode": "200"}
    assert us.get(f"Items/{made['ItemID']}", unitdp=4)["Items"][0] == made
    assert us.get("Items/A%2Fb%201")["Items"][0]["SalesDetails"]["UnitPrice"] == Decimal("1.23")
    assert (made["IsSold"], made["IsPurchased"], made["IsTrackedAsInventory"]) == (True, True, False)


def test_without_unitdp_the_price_is_rounded_for_good(us):
    made = us.put("Items", {"Code": "R", "SalesDetails": {"UnitPrice": "1.2350"}})[0]
    assert us.get(f"Items/{made['ItemID']}", unitdp=4)["Items"][0]["SalesDetails"]["UnitPrice"] == Decimal(
        "1.2400"
    )


def test_post_changes_by_id_or_code_and_leaves_the_rest(us):
    key = us.get("Items/VALVE-15")["Items"][0]["ItemID"]
    by_code = us.post("Items", {"Code": "valve-15", "SalesDetails": {"UnitPrice": 8}}, unitdp=4)[0]
    assert by_code["ItemID"] == key
    assert by_code["SalesDetails"]["AccountCode"] == "205"
    renamed = us.post(f"Items/{key}", {"Code": "VALVE-15N"}, unitdp=4)[0]
    assert (renamed["Code"], renamed["Name"]) == ("VALVE-15N", "Valve 15 mm")
    assert us.refused("POST", f"Items/{key}", {"Code": "LABOUR"})
    assert us.post("Items", {"Code": "BRAND-NEW"})[0]["ItemID"] != key


def test_not_sold_any_more_empties_the_sales_part(us):
    changed = us.post("Items", {"Code": "LABOUR", "IsSold": False})[0]
    assert changed["SalesDetails"] == {}
    assert "Description" not in changed


def test_tracked_item(us):
    made = us.put(
        "Items",
        {"Code": "TRK", "InventoryAssetAccountCode": "630", "PurchaseDetails": {"COGSAccountCode": "310"}},
    )[0]
    assert made["IsTrackedAsInventory"] is True
    assert made["QuantityOnHand"] == 0


def test_delete(us):
    answer = us.call("DELETE", "Items/LABOUR")
    assert (answer.status_code, answer.content) == (204, b"")
    assert us.call("GET", "Items/LABOUR").status_code == 404
    assert us.call("DELETE", "Items/LABOUR").status_code == 404
    assert us.put("Items", {"Code": "LABOUR"})
