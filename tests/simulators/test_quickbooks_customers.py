"""Customers: names and their rules, sub-customers, updates, SyncToken, inactive ones, currency, merging."""

import pytest


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({}, "6080"),
        ({"DisplayName": "  "}, "6080"),
        ({"CompanyName": "Only a company"}, "6080"),
        ({"DisplayName": "A:B"}, "2040"),
        ({"DisplayName": "A\tB"}, "2040"),
        ({"DisplayName": "A\nB"}, "2040"),
        ({"GivenName": "A:B"}, "2040"),
        ({"DisplayName": "x" * 501}, "2050"),
        ({"GivenName": "x" * 101}, "2050"),
        ({"DisplayName": "A", "Title": "x" * 17}, "2050"),
        ({"DisplayName": "A", "Notes": "x" * 2001}, "2050"),
        ({"DisplayName": "A", "PrimaryPhone": {"FreeFormNumber": "1" * 31}}, "2050"),
        ({"DisplayName": "A", "PrimaryEmailAddr": {"Address": "nobody"}}, "2210"),
        ({"DisplayName": "A", "PrimaryEmailAddr": {"Address": "a@b"}}, "2210"),
        ({"DisplayName": "A", "PrimaryEmailAddr": {"Address": "a" * 95 + "@b.example"}}, "2050"),
        ({"DisplayName": "A", "Job": True}, "2020"),
        ({"DisplayName": "A", "Job": True, "ParentRef": {"value": "999"}}, "2500"),
        ({"DisplayName": "A", "SalesTermRef": {"value": "99"}}, "2500"),
        ({"DisplayName": "A", "CurrencyRef": {"value": "EUR"}}, "6000"),
    ],
)
def test_refused(qbo_us, values, code):
    assert qbo_us.refused("Customer", values)[0] == code


@pytest.mark.parametrize(
    "name", ["Town Council", "town council", " TOWN COUNCIL ", "Supply Depot", "Robin Park"]
)
def test_names_are_one_space_over_customers_vendors_and_employees(qbo_us, name):
    code, detail = qbo_us.refused("Customer", {"DisplayName": name})
    assert code == "6240"
    assert detail.startswith("The name supplied already exists.")
    assert qbo_us.refused("Vendor", {"DisplayName": name})[0] == "6240"
    assert qbo_us.refused("Employee", {"GivenName": name})[0] == "6240"


def test_create_and_read_back(qbo_us):
    values = {
        "GivenName": "Zoë",
        "FamilyName": "D'Arcy",
        "CompanyName": "D'Arcy & Co",
        "PrimaryEmailAddr": {"Address": "zoe@darcy.example"},
        "PrimaryPhone": {"FreeFormNumber": "555-1"},
        "BillAddr": {"Line1": "1 Way", "City": "Town", "PostalCode": "1"},
        "SalesTermRef": {"value": "3"},
        "Notes": "n",
    }
    made = qbo_us.post("Customer", values)
    assert made["DisplayName"] == made["FullyQualifiedName"] == made["PrintOnCheckName"] == "Zoë D'Arcy"
    assert (made["SyncToken"], made["Active"], made["Job"], made["IsProject"]) == ("0", True, False, False)
    assert (made["Balance"], made["sparse"], made["domain"]) == (0, False, "QBO")
    assert made["MetaData"]["CreateTime"] == made["MetaData"]["LastUpdatedTime"]
    assert qbo_us.get(f"customer/{made['Id']}")["Customer"] == made
    for name in ("CompanyName", "PrimaryEmailAddr", "PrimaryPhone", "Notes"):
        assert made[name] == values[name]


# === UPDATES === #


def test_sync_token_must_be_the_last(qbo_us):
    made = qbo_us.post("Customer", {"DisplayName": "Versions"})
    assert qbo_us.refused("Customer", {"Id": made["Id"], "sparse": True, "Notes": "x"})[0] == "2020"
    changed = qbo_us.post("Customer", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Notes": "x"})
    assert changed["SyncToken"] == "1"
    for old in ("0", "2", "x"):
        code, detail = qbo_us.refused(
            "Customer", {"Id": made["Id"], "SyncToken": old, "sparse": True, "Notes": "y"}
        )
        assert code == "5010"
        assert detail.startswith("Stale Object Error : You and")
    assert qbo_us.get(f"customer/{made['Id']}")["Customer"]["Notes"] == "x"
    assert qbo_us.refused("Customer", {"Id": "999999", "SyncToken": "0", "DisplayName": "X"})[0] == "610"


def test_sparse_keeps_and_clears_with_empty_values_only(qbo_us):
    made = qbo_us.post(
        "Customer",
        {
            "DisplayName": "Sparse",
            "Notes": "keep",
            "CompanyName": "clear",
            "PrimaryEmailAddr": {"Address": "a@b.example"},
            "SalesTermRef": {"value": "3"},
        },
    )
    base = {"Id": made["Id"], "sparse": True}
    same = qbo_us.post("Customer", {**base, "SyncToken": "0", "Notes": None, "CompanyName": None})
    assert (same["Notes"], same["CompanyName"]) == ("keep", "clear"), "null counts as not sent"
    cleared = qbo_us.post(
        "Customer",
        {**base, "SyncToken": "1", "CompanyName": "", "PrimaryEmailAddr": {}, "SalesTermRef": {"value": ""}},
    )
    assert not {"CompanyName", "PrimaryEmailAddr", "SalesTermRef"} & set(cleared)
    assert cleared["Notes"] == "keep"


def test_full_update_drops_what_is_left_out(qbo_us):
    made = qbo_us.post(
        "Customer", {"DisplayName": "Full", "Notes": "gone", "PrimaryEmailAddr": {"Address": "a@b.example"}}
    )
    full = qbo_us.post("Customer", {"Id": made["Id"], "SyncToken": "0", "DisplayName": "Full"})
    assert not {"Notes", "PrimaryEmailAddr"} & set(full)
    assert full["Active"] is True
    assert full["CurrencyRef"]["value"] == "USD"
    assert qbo_us.refused("Customer", {"Id": made["Id"], "SyncToken": "1", "Notes": "x"})[0] == "6080"


def test_read_only_properties_are_ignored(qbo_us):
    made = qbo_us.post(
        "Customer",
        {"DisplayName": "Own", "IsProject": True, "Balance": 99, "FullyQualifiedName": "X:Y", "Level": 3},
    )
    assert (made["IsProject"], made["Balance"], made["FullyQualifiedName"]) == (False, 0, "Own")


# === INACTIVE === #


def test_inactive_frees_the_name_and_is_hidden(qbo_us):
    made = qbo_us.post("Customer", {"DisplayName": "Fading"})
    gone = qbo_us.post("Customer", {"Id": made["Id"], "SyncToken": "0", "sparse": True, "Active": False})
    assert (gone["DisplayName"], gone["FullyQualifiedName"], gone["Active"]) == (
        "Fading (deleted)",
        "Fading (deleted)",
        False,
    )
    again = qbo_us.post("Customer", {"DisplayName": "Fading"})
    assert again["Id"] != made["Id"]
    back = {"Id": made["Id"], "SyncToken": "1", "sparse": True, "Active": True}
    assert qbo_us.refused("Customer", back)[0] == "6240"
    assert qbo_us.refused("Invoice", qbo_us.invoice(CustomerRef={"value": made["Id"]}))[0] == "2500"
    qbo_us.post(
        "Customer", {"Id": again["Id"], "SyncToken": "0", "sparse": True, "DisplayName": "Taken Over"}
    )
    assert qbo_us.post("Customer", back)["DisplayName"] == "Fading"


# === SUB-CUSTOMERS === #


def test_five_levels_of_sub_customers(qbo_us):
    parent = qbo_us.customer("Harbor Tower 4B Boiler")
    assert parent["FullyQualifiedName"] == (
        "Harbor Property Group:Harbor Tower:Harbor Tower 4B:Harbor Tower 4B Boiler"
    )
    assert parent["Level"] == 3
    fifth = qbo_us.post(
        "Customer", {"DisplayName": "Fifth", "Job": True, "ParentRef": {"value": parent["Id"]}}
    )
    assert fifth["Level"] == 4
    sixth = {"DisplayName": "Sixth", "Job": True, "ParentRef": {"value": fifth["Id"]}}
    assert qbo_us.refused("Customer", sixth)[0] == "6000"


def test_no_loops_and_no_inactive_parent_of_active_children(qbo_us):
    tower, group = qbo_us.customer("Harbor Tower"), qbo_us.customer("Harbor Property Group")
    loop = {"Id": group["Id"], "SyncToken": group["SyncToken"], "sparse": True, "Job": True}
    assert qbo_us.refused("Customer", {**loop, "ParentRef": {"value": tower["Id"]}})[0] == "6000"
    assert qbo_us.refused("Customer", {**loop, "ParentRef": {"value": group["Id"]}})[0] == "6000"
    gone = {"Id": group["Id"], "SyncToken": group["SyncToken"], "sparse": True, "Active": False}
    assert qbo_us.refused("Customer", gone)[0] == "6000"


def test_balance_with_jobs_adds_the_children(qbo_us):
    tower = qbo_us.customer("Harbor Tower")
    qbo_us.post("Invoice", qbo_us.invoice(CustomerRef={"value": tower["Id"]}))
    assert qbo_us.customer("Harbor Tower")["Balance"] == 115
    group = qbo_us.customer("Harbor Property Group")
    assert (group["Balance"], group["BalanceWithJobs"]) == (0, 115)


# === CURRENCY === #


def test_currency_is_fixed_and_known(qbo_gb):
    made = qbo_gb.post("Customer", {"DisplayName": "Euro", "CurrencyRef": {"value": "EUR"}})
    assert made["CurrencyRef"] == {"value": "EUR", "name": "Euro"}
    base = {"Id": made["Id"], "SyncToken": "0", "sparse": True}
    assert qbo_gb.refused("Customer", {**base, "CurrencyRef": {"value": "GBP"}})[0] == "6000"
    assert qbo_gb.refused("Customer", {"DisplayName": "X", "CurrencyRef": {"value": "CHF"}})[0] == "2500"
    child = {"DisplayName": "Child", "Job": True, "ParentRef": {"value": made["Id"]}}
    assert qbo_gb.post("Customer", child)["CurrencyRef"]["value"] == "EUR"
    assert (
        qbo_gb.refused("Customer", {**child, "DisplayName": "C2", "CurrencyRef": {"value": "GBP"}})[0]
        == "6000"
    )


# === MERGE === #


def test_merge_moves_documents_and_children_and_the_loser_is_gone(qbo_us):
    loser, winner = qbo_us.customer("Harbor Property Group"), qbo_us.customer("Town Council")
    invoice = qbo_us.post("Invoice", qbo_us.invoice(CustomerRef={"value": loser["Id"]}))
    qbo_us.control(merge=[{"from": "Harbor Property Group", "into": "Town Council"}])
    assert qbo_us.fault(qbo_us.call("GET", f"customer/{loser['Id']}"))[0] == "610"
    moved = qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]
    assert moved["CustomerRef"]["value"] == winner["Id"]
    assert moved["SyncToken"] == "1"
    assert qbo_us.customer("Harbor Tower")["ParentRef"]["value"] == winner["Id"]
    stale = {"Id": winner["Id"], "SyncToken": winner["SyncToken"], "sparse": True, "Notes": "x"}
    assert qbo_us.refused("Customer", stale)[0] == "5010"
    for pair in (
        {"from": "Nobody", "into": "Town Council"},
        {"from": "Town Council", "into": "Town Council"},
    ):
        with pytest.raises(AssertionError, match="400"):
            qbo_us.control(merge=[pair])
