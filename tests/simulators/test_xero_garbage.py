"""Garbage in every field of a write ends as a refusal or is ignored; never as a failure of the simulator."""

import pytest

from simulators.xero.shapes import SHAPES, fit

GARBAGE = [
    None,
    True,
    0,
    -1,
    5,
    1e300,
    "",
    "x",
    "x" * 5000,
    "\u0000",
    "💥",
    [],
    {},
    [[]],
    [None],
    [5],
    {"a": 1},
    {"Name": []},
]
CONTACT = (
    "ContactID ContactNumber AccountNumber ContactStatus Name FirstName EmailAddress TaxNumber TaxNumberType "
    "DefaultCurrency Addresses Phones ContactPersons PaymentTerms AccountsReceivableTaxType "
    "SalesDefaultLineAmountType HasAttachments"
).split()
ITEM = "ItemID Code Name Description IsSold IsPurchased SalesDetails PurchaseDetails InventoryAssetAccountCode".split()
PRICE = "UnitPrice AccountCode COGSAccountCode TaxType".split()
INVOICE = (
    "InvoiceID Type Status Contact Date DueDate InvoiceNumber Reference LineAmountTypes LineItems CurrencyCode "
    "CurrencyRate Url SentToContact BrandingThemeID RoundingAmount Total SubTotal TotalTax ExpectedPaymentDate Payments"
).split()
LINE = (
    "LineItemID Description Quantity UnitAmount ItemCode AccountCode TaxType TaxAmount LineAmount DiscountRate "
    "DiscountAmount Tracking"
).split()


def _readable(resource, elements):
    """The elements whose JSON types fit; the others are refused before any rule is looked at."""
    for element in elements:
        try:
            fit(element, SHAPES[resource.lower()], resource)
        except ValueError:
            continue
        yield element


@pytest.fixture
def survives(us, sim):
    """Send the elements by PUT and POST, fifty at a time; every one is answered OK or ERROR."""
    sim.control("POST", "/_sim/limits", {"minute": None, "day": None})

    def send(resource, elements, methods=("PUT", "POST")):
        elements = list(_readable(resource, elements))
        assert elements
        for method in methods:
            for start in range(0, len(elements), 50):
                batch = elements[start : start + 50]
                answer = us.call(method, resource, {resource: batch}, {"summarizeErrors": "false"})
                assert answer.status_code == 200, (method, batch, answer.text)
                statuses = [element["StatusAttributeString"] for element in answer.json()[resource]]
                assert len(statuses) == len(batch)
                assert set(statuses) <= {"OK", "ERROR"}

    return send


def test_contacts(survives):
    survives(
        "Contacts",
        [{"Name": f"G {name} {n}", name: value} for name in CONTACT for n, value in enumerate(GARBAGE)],
    )


def test_parts_of_contacts(survives):
    kinds = {
        "Addresses": ("AddressType", "STREET"),
        "Phones": ("PhoneType", "DEFAULT"),
        "ContactPersons": ("LastName", "x"),
    }
    survives(
        "Contacts",
        [
            {
                "Name": f"P {part} {n}",
                part: [{kind: right, "City": value, "PhoneNumber": value, "EmailAddress": value}],
            }
            for part, (kind, right) in kinds.items()
            for n, value in enumerate(GARBAGE)
        ],
    )


def test_items(survives):
    survives(
        "Items", [{"Code": f"{name[:9]}{n}", name: value} for name in ITEM for n, value in enumerate(GARBAGE)]
    )
    survives(
        "Items",
        [
            {"Code": f"S{name[:9]}{n}", "SalesDetails": {name: value}}
            for name in PRICE
            for n, value in enumerate(GARBAGE)
        ],
    )


def test_invoices(survives, invoice):
    body = invoice()
    survives("Invoices", [{**body, name: value} for name in INVOICE for value in GARBAGE])
    names = ("ContactID", "ContactNumber", "Name", "EmailAddress")
    survives("Invoices", [{**body, "Contact": {name: value}} for name in names for value in GARBAGE])


def test_lines(survives, invoice):
    body = invoice()
    line = body["LineItems"][0]
    survives(
        "Invoices", [{**body, "LineItems": [{**line, name: value}]} for name in LINE for value in GARBAGE]
    )


@pytest.mark.parametrize("status", ["DRAFT", "AUTHORISED", "PAID"])
def test_changes_of_an_invoice(survives, us, invoice, status):
    made = us.put("Invoices", invoice(Status="DRAFT" if status == "DRAFT" else "AUTHORISED"))[0]
    key, line_id = made["InvoiceID"], made["LineItems"][0]["LineItemID"]
    if status == "PAID":
        us.control({"invoices": [{"InvoiceID": key, "action": "pay", "amount": 1}]})
    changes = [{name: value, "InvoiceID": key} for name in INVOICE for value in GARBAGE]
    changes += [
        {"InvoiceID": key, "LineItems": [{"LineItemID": line_id, name: v}]} for name in LINE for v in GARBAGE
    ]
    survives("Invoices", changes, ["POST"])


@pytest.mark.parametrize("path", ["Contacts", "Invoices", "Items"])
def test_parameters(us, sim, path):
    sim.control("POST", "/_sim/limits", {"minute": None})
    names = (
        "where order page pageSize IDs InvoiceNumbers ContactIDs Statuses searchTerm summaryOnly includeArchived "
        "unitdp createdByMyApp"
    )
    for name in names.split():
        for value in (
            "",
            "x",
            "-1",
            "null",
            "\u0000",
            "💥",
            "1,2,3",
            "Name==null",
            "(" * 200,
            '"' * 99,
            "9" * 500,
        ):
            answer = us.call("GET", path, params={name: value})
            assert answer.status_code in (200, 400), (name, value, answer.text)
    for value in ("x", "", "Mon, 99 Foo 2026", "0", "2026-13-45"):
        assert us.call("GET", path, headers={"If-Modified-Since": value}).status_code == 200


@pytest.mark.parametrize(
    ("resource", "element"),
    [
        ("Contacts", {"Name": []}),
        ("Contacts", {"Name": "x", "Addresses": {}}),
        ("Contacts", {"Name": "x", "Phones": ["x"]}),
        ("Items", {"Code": "x", "SalesDetails": "x"}),
        ("Invoices", {"Type": "ACCREC", "LineItems": "x"}),
        ("Invoices", {"Type": "ACCREC", "Contact": "x"}),
        ("Invoices", {"Type": "ACCREC", "LineItems": [{"Quantity": [1]}]}),
    ],
)
def test_a_wrong_json_type_is_a_body_that_cannot_be_read(us, resource, element):
    answer = us.call("PUT", resource, {resource: [element]})
    assert answer.status_code == 400
    assert answer.json()["Type"] == "PostDataInvalidException"


def test_a_number_where_a_text_belongs_is_taken_as_text(us, invoice):
    made = us.put("Invoices", invoice(InvoiceNumber=2026001, Reference=7))[0]
    assert (made["InvoiceNumber"], made["Reference"]) == ("2026001", "7")
