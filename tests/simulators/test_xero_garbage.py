"""Garbage in every field of a write ends as a refusal or is ignored; never as a failure of the simulator."""

import pytest

GARBAGE = [None, True, 0, -1, 5, 1e300, "", "x", "x" * 5000, "\u0000", "💥", [], {}, [[]], [None], [5], {"a": 1}, {"Name": []}]
CONTACT = (
    "ContactID ContactNumber AccountNumber ContactStatus Name FirstName EmailAddress TaxNumber TaxNumberType DefaultCurrency "
    "Addresses Phones ContactPersons PaymentTerms AccountsReceivableTaxType SalesDefaultLineAmountType HasAttachments"
).split()
ITEM = "ItemID Code Name Description IsSold IsPurchased SalesDetails PurchaseDetails InventoryAssetAccountCode".split()
PRICE = "UnitPrice AccountCode COGSAccountCode TaxType".split()
INVOICE = (
    "InvoiceID Type Status Contact Date DueDate InvoiceNumber Reference LineAmountTypes LineItems CurrencyCode CurrencyRate Url "
    "SentToContact BrandingThemeID RoundingAmount Total SubTotal TotalTax ExpectedPaymentDate Payments"
).split()
LINE = "LineItemID Description Quantity UnitAmount ItemCode AccountCode TaxType TaxAmount LineAmount DiscountRate DiscountAmount Tracking".split()


@pytest.fixture
def survives(us, sim):
    """Send each element by PUT and POST; each answer is 200 or 400 with a body of the known kinds."""
    sim.control("POST", "/_sim/limits", {"minute": None, "day": None})

    def send(resource, elements):
        for method in ("PUT", "POST"):
            for element in elements:
                answer = us.call(method, resource, {resource: [element]}, {"summarizeErrors": "false"})
                assert answer.status_code in (200, 400), (method, element, answer.text)
                assert "Type" in answer.json() or resource in answer.json()

    return send


def test_contacts(survives):
    survives("Contacts", [{"Name": f"G {name} {n}", name: value} for name in CONTACT for n, value in enumerate(GARBAGE)])


def test_parts_of_contacts(survives):
    kinds = {"Addresses": ("AddressType", "STREET"), "Phones": ("PhoneType", "DEFAULT"), "ContactPersons": ("LastName", "x")}
    survives(
        "Contacts",
        [
            {"Name": f"P {part} {n}", part: [{kind: right, "City": value, "PhoneNumber": value, "EmailAddress": value}, value]}
            for part, (kind, right) in kinds.items()
            for n, value in enumerate(GARBAGE)
        ],
    )


def test_items(survives):
    survives("Items", [{"Code": f"{name[:9]}{n}", name: value} for name in ITEM for n, value in enumerate(GARBAGE)])
    survives("Items", [{"Code": f"S{name[:9]}{n}", "SalesDetails": {name: value}} for name in PRICE for n, value in enumerate(GARBAGE)])


def test_invoices(survives, invoice):
    body = invoice()
    survives("Invoices", [{**body, name: value} for name in INVOICE for value in GARBAGE])
    names = ("ContactID", "ContactNumber", "Name", "EmailAddress")
    survives("Invoices", [{**body, "Contact": {name: value}} for name in names for value in GARBAGE])


def test_lines(survives, invoice):
    body = invoice()
    line = body["LineItems"][0]
    survives("Invoices", [{**body, "LineItems": [{**line, name: value}]} for name in LINE for value in GARBAGE])


def test_changes_of_an_invoice(survives, us, invoice):
    for status in ("DRAFT", "AUTHORISED"):
        made = us.put("Invoices", invoice(Status=status))[0]
        entry = made["LineItems"][0]
        for name in INVOICE:
            for value in GARBAGE:
                answer = us.call("POST", f"Invoices/{made['InvoiceID']}", {"Invoices": [{name: value}]})
                assert answer.status_code in (200, 400), (name, value, answer.text)
        assert entry["LineItemID"]


def test_changes_of_a_paid_invoice(us, invoice, sim):
    sim.control("POST", "/_sim/limits", {"minute": None})
    made = us.put("Invoices", invoice())[0]
    us.control({"invoices": [{"InvoiceID": made["InvoiceID"], "action": "pay", "amount": 1}]})
    line_id = made["LineItems"][0]["LineItemID"]
    bodies = [{name: value} for name in INVOICE for value in GARBAGE]
    bodies += [{"LineItems": [{"LineItemID": line_id, name: value}]} for name in LINE for value in GARBAGE]
    for body in bodies:
        answer = us.call("POST", f"Invoices/{made['InvoiceID']}", {"Invoices": [body]})
        assert answer.status_code in (200, 400), (body, answer.text)


@pytest.mark.parametrize("path", ["Contacts", "Invoices", "Items", "Accounts", "TaxRates", "Currencies"])
def test_parameters(us, sim, path):
    sim.control("POST", "/_sim/limits", {"minute": None})
    names = "where order page pageSize IDs InvoiceNumbers ContactIDs Statuses searchTerm summaryOnly includeArchived unitdp createdByMyApp"
    for name in names.split():
        for value in ("", "x", "-1", "null", "\u0000", "💥", "1,2,3", "Name==null", "(" * 200, '"' * 99, "9" * 500):
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
