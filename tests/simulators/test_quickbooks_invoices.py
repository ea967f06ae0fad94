"""Invoices, credit memos and payments: rules, sums, taxes, numbers, currencies, void and delete."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qbo_kit import sales_line

from simulators.quickbooks import arithmetic

TEXT = {"DetailType": "DescriptionOnly", "Description": "A remark"}


def discount(**detail):
    amount = detail.pop("Amount", None)
    line = {"DetailType": "DiscountLineDetail", "DiscountLineDetail": detail}
    return line if amount is None else {**line, "Amount": amount}


# === REFUSED === #


@pytest.mark.parametrize(
    ("values", "code"),
    [
        ({"CustomerRef": None}, "2020"),
        ({"CustomerRef": {"value": "999"}}, "2500"),
        ({"CustomerRef": {}}, "2020"),
        ({"Line": None}, "2020"),
        ({"Line": []}, "2020"),
        ({"Line": [{"DetailType": "SubTotalLineDetail", "Amount": 1, "SubTotalLineDetail": {}}]}, "2020"),
        ({"Line": [{"Amount": 1}]}, "2020"),
        ({"Line": [{"DetailType": "Something", "Amount": 1}]}, "2170"),
        ({"Line": [{"DetailType": "SalesItemLineDetail", "SalesItemLineDetail": {}}]}, "2020"),
        ({"Line": [sales_line(10, item="99")]}, "2500"),
        ({"Line": [sales_line(10, item="4")]}, "6000"),
        ({"Line": [sales_line(10, item="10")]}, "6000"),
        ({"Line": [sales_line(10, item="11")]}, "2500"),
        ({"Line": [sales_line(10, TaxCodeRef="2")]}, "6100"),
        ({"Line": [sales_line("10.01", Qty=1, UnitPrice=10)]}, "6070"),
        ({"Line": [sales_line("9.99", Qty=3, UnitPrice="3.3333")]}, "6070"),
        ({"Line": [sales_line(10, description="x" * 4001)]}, "2050"),
        ({"Line": [TEXT] * 751}, "6000"),
        ({"Line": [sales_line(10), discount()]}, "6090"),
        ({"Line": [sales_line(10), discount(PercentBased=True)]}, "6090"),
        ({"Line": [sales_line(-10)]}, "6000"),
        ({"DocNumber": "x" * 22}, "2050"),
        ({"PrivateNote": "x" * 4001}, "2050"),
        ({"CustomerMemo": {"value": "x" * 1001}}, "2050"),
        ({"TxnDate": "14.9.2026"}, "2090"),
        ({"BillEmail": {"Address": "nobody"}}, "2210"),
        ({"EmailStatus": "Shouted"}, "2170"),
        ({"EmailStatus": "NeedToSend"}, "2020"),
        ({"SalesTermRef": {"value": "99"}}, "2500"),
        ({"ProjectRef": {"value": "1"}}, "2500"),
        ({"CurrencyRef": {"value": "EUR"}}, "6000"),
        ({"TotalAmt": "a lot"}, "2080"),
        ({"Colour": "red"}, "2010"),
    ],
)
def test_refused(qbo_us, values, code):
    assert qbo_us.refused("Invoice", qbo_us.invoice(**values))[0] == code
    assert qbo_us.query("SELECT count(*) FROM Invoice") == {"totalCount": 0}


def test_tax_codes_outside_the_us(qbo_gb):
    body = qbo_gb.invoice(CurrencyRef={"value": "GBP"})
    for code, expected in ((None, "6000"), ("TAX", "2500"), ("99", "2500"), ("6", "2500")):
        line = sales_line(10, TaxCodeRef=code)
        assert qbo_gb.refused("Invoice", {**body, "Line": [line]})[0] == expected
    assert qbo_gb.refused("Invoice", {**body, "GlobalTaxCalculation": "Sometimes"})[0] == "2170"
    free = qbo_gb.post("Invoice", {**body, "GlobalTaxCalculation": "NotApplicable", "Line": [sales_line(10)]})
    assert (free["TotalAmt"], free["TxnTaxDetail"]) == (10, {"TotalTax": 0})


# === NUMBERS === #


def test_duplicate_numbers_where_numbers_are_ours_and_the_warning_is_on(qbo_us):
    first = qbo_us.post("Invoice", qbo_us.invoice(DocNumber="INV/1"))
    code, detail = qbo_us.refused("Invoice", qbo_us.invoice(DocNumber="inv/1"))
    assert code == "6140"
    assert f"DocNumber=inv/1 is assigned to TxnType=Invoice with TxnId={first['Id']}" in detail
    second = qbo_us.post("Invoice", qbo_us.invoice(DocNumber="INV/2"))
    rename = {"Id": second["Id"], "SyncToken": "0", "sparse": True, "DocNumber": "INV/1"}
    assert qbo_us.refused("Invoice", rename)[0] == "6140"
    assert qbo_us.post("Invoice", {**rename, "DocNumber": "INV/2"})["SyncToken"] == "1"
    let = qbo_us.post("Invoice", qbo_us.invoice(DocNumber="INV/1"), include="allowduplicatedocnum")
    assert let["DocNumber"] == "INV/1"
    qbo_us.control(WarnDuplicateInvoiceNumber=False)
    assert qbo_us.post("Invoice", qbo_us.invoice(DocNumber="INV/1"))["DocNumber"] == "INV/1"
    # A credit memo has numbers of its own.
    qbo_us.control(WarnDuplicateInvoiceNumber=True)
    assert qbo_us.post("CreditMemo", qbo_us.invoice(DocNumber="INV/2", DueDate=None))["DocNumber"] == "INV/2"


def test_without_a_number_it_stays_empty_or_is_generated(qbo_us):
    assert "DocNumber" not in qbo_us.post("Invoice", qbo_us.invoice())
    qbo_us.post("Invoice", qbo_us.invoice(DocNumber="1001"))
    assert qbo_us.post("Invoice", qbo_us.invoice(DocNumber="AUTO_GENERATE"))["DocNumber"] == "1002"


def test_a_company_that_numbers_itself_ignores_ours(qbo_connect):
    company = qbo_connect("US2")
    body = company.invoice(DocNumber="INV/1", PrivateNote="INV/1")
    made = [company.post("Invoice", body) for _ in range(2)]
    assert [invoice["DocNumber"] for invoice in made] == ["1001", "1002"]
    assert made[0]["PrivateNote"] == "INV/1"
    changed = company.post(
        "Invoice", {"Id": made[0]["Id"], "SyncToken": "0", "sparse": True, "DocNumber": "X"}
    )
    assert changed["DocNumber"] == "1001"


# === SUMS AND TAX IN THE US === #


def test_automated_tax_of_taxable_lines(qbo_us):
    lines = [
        sales_line("100.10", TaxCodeRef="TAX"),
        sales_line("50.05", TaxCodeRef="NON"),
        TEXT,
        sales_line("0.03", TaxCodeRef="TAX"),
    ]
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=lines, GlobalTaxCalculation="TaxInclusive"))
    # 15 % of 100.13, rounded once.
    assert str(invoice["TxnTaxDetail"]["TotalTax"]) == "15.02"
    assert str(invoice["TotalAmt"]) == "165.2"
    assert "GlobalTaxCalculation" not in invoice
    parts = invoice["TxnTaxDetail"]["TaxLine"]
    assert sum(Decimal(part["Amount"]) for part in parts) == Decimal("15.02")
    assert [str(part["TaxLineDetail"]["TaxPercent"]) for part in parts] == ["6.25", "5.75", "3"]
    assert {str(part["TaxLineDetail"]["NetAmountTaxable"]) for part in parts} == {"100.13"}
    assert [line["DetailType"] for line in invoice["Line"]] == [
        "SalesItemLineDetail",
        "SalesItemLineDetail",
        "DescriptionOnly",
        "SalesItemLineDetail",
        "SubTotalLineDetail",
    ]
    assert str(invoice["Line"][-1]["Amount"]) == "150.18"


def test_a_sent_total_tax_is_kept_and_spread(qbo_us):
    body = qbo_us.invoice(TxnTaxDetail={"TotalTax": "15.01"})
    invoice = qbo_us.post("Invoice", body)
    assert str(invoice["TotalAmt"]) == "115.01"
    amounts = [Decimal(part["Amount"]) for part in invoice["TxnTaxDetail"]["TaxLine"]]
    assert sum(amounts) == Decimal("15.01")
    # A change of something else keeps it; lines sent without it bring the own tax back.
    base = {"Id": invoice["Id"], "sparse": True}
    noted = qbo_us.post("Invoice", {**base, "SyncToken": "0", "PrivateNote": "x"})
    assert str(noted["TotalAmt"]) == "115.01"
    again = qbo_us.post("Invoice", {**base, "SyncToken": "1", "Line": invoice["Line"]})
    assert again["TotalAmt"] == 115


def test_nothing_taxable_leaves_nothing_to_override(qbo_us):
    lines = [sales_line(100, TaxCodeRef="NON")]
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=lines, TxnTaxDetail={"TotalTax": 5}))
    assert invoice["TotalAmt"] == 100
    exempt = qbo_us.customer("St. Brigid's School")["Id"]
    assert qbo_us.post("Invoice", qbo_us.invoice(CustomerRef={"value": exempt}))["TotalAmt"] == 100


def test_item_decides_when_the_line_says_nothing(qbo_us):
    lines = [sales_line(100, item="2"), sales_line(100, item="3")]  # hours are not taxable, the call-out is
    assert qbo_us.post("Invoice", qbo_us.invoice(Line=lines))["TotalAmt"] == 215


@pytest.mark.parametrize(
    ("line", "total"),
    [
        (discount(PercentBased=True, DiscountPercent=10), "153"),  # 170 - 17 = 153; of it 90 taxable → 13.50
        (discount(Amount=17), "153"),
    ],
)
def test_discount_lines_lower_the_taxable_amount(qbo_us, line, total):
    lines = [sales_line(100, TaxCodeRef="TAX"), sales_line(70, TaxCodeRef="NON"), line]
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=lines))
    assert str(invoice["TxnTaxDetail"]["TotalTax"]) == "13.5"
    assert invoice["TotalAmt"] == Decimal(total) + Decimal("13.5")


def test_amount_is_quantity_times_price_to_half_a_cent(qbo_us):
    lines = [sales_line("37.04", Qty=3, UnitPrice="12.3456"), sales_line("0.01", Qty=1, UnitPrice="0.005")]
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=lines))
    assert str(invoice["Line"][0]["SalesItemLineDetail"]["UnitPrice"]) == "12.3456"


def test_zeros_in_place_of_quantity_and_price_count_as_not_sent(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=[sales_line(100, Qty=0, UnitPrice=0)]))
    assert not {"Qty", "UnitPrice"} & set(invoice["Line"][0]["SalesItemLineDetail"])
    assert qbo_us.refused("Invoice", qbo_us.invoice(Line=[sales_line(100, Qty=0, UnitPrice=5)]))[0] == "6070"


@settings(max_examples=200, deadline=None)
@given(
    st.decimals("0", "99999", places=2),
    st.lists(st.decimals("0", "99999", places=2), min_size=1, max_size=12),
)
def test_shares_add_up(total, weights):
    parts = arithmetic.shares(total, weights)
    assert sum(parts) == total
    assert len(parts) == len(weights)


# === TAX ELSEWHERE === #


def gb_invoice(company, lines, **values):
    return company.post("Invoice", company.invoice(CurrencyRef={"value": "GBP"}, Line=lines, **values))


def test_tax_excluded_by_code(qbo_gb):
    lines = [
        sales_line("33.33", TaxCodeRef="2"),
        sales_line("33.33", TaxCodeRef="2"),
        sales_line("10", TaxCodeRef="3"),
        sales_line("10", TaxCodeRef="5"),
    ]
    invoice = gb_invoice(qbo_gb, lines)
    assert invoice["GlobalTaxCalculation"] == "TaxExcluded"
    # 20 % of 66.66 is 13.332, of 10 at 5 % 0.50.
    assert str(invoice["TxnTaxDetail"]["TotalTax"]) == "13.83"
    by_rate = {
        part["TaxLineDetail"]["TaxRateRef"]["value"]: str(part["Amount"])
        for part in invoice["TxnTaxDetail"]["TaxLine"]
    }
    assert by_rate == {"1": "13.33", "3": "0.5", "5": "0"}


def test_tax_inclusive_amounts_are_gross_and_the_total_stays(qbo_gb):
    lines = [sales_line("9.99", TaxCodeRef="2", Qty=1, UnitPrice="9.99"), sales_line("0.99", TaxCodeRef="3")]
    invoice = gb_invoice(qbo_gb, lines, GlobalTaxCalculation="TaxInclusive")
    assert str(invoice["TotalAmt"]) == "10.98"
    first = invoice["Line"][0]
    assert str(first["SalesItemLineDetail"]["TaxInclusiveAmt"]) == "9.99"
    assert str(first["Amount"]) == "8.33"
    # Sent back as it came, nothing moves.
    again = qbo_gb.post(
        "Invoice", {**{k: v for k, v in invoice.items() if k != "TxnTaxDetail"}, "sparse": True}
    )
    assert again["TotalAmt"] == invoice["TotalAmt"]
    assert again["Line"] == invoice["Line"]


def test_sent_tax_lines_are_kept(qbo_gb):
    part = {
        "DetailType": "TaxLineDetail",
        "Amount": "20.01",
        "TaxLineDetail": {"TaxRateRef": {"value": "1"}, "PercentBased": True, "TaxPercent": 20},
    }
    invoice = gb_invoice(qbo_gb, [sales_line(100, TaxCodeRef="2")], TxnTaxDetail={"TaxLine": [part]})
    assert str(invoice["TotalAmt"]) == "120.01"
    total = gb_invoice(qbo_gb, [sales_line(100, TaxCodeRef="2")], TxnTaxDetail={"TotalTax": "19.99"})
    assert str(total["TotalAmt"]) == "119.99"
    unknown = {**part, "TaxLineDetail": {"TaxRateRef": {"value": "99"}}}
    body = qbo_gb.invoice(
        CurrencyRef={"value": "GBP"},
        Line=[sales_line(1, TaxCodeRef="2")],
        TxnTaxDetail={"TaxLine": [unknown]},
    )
    assert qbo_gb.refused("Invoice", body)[0] == "2500"


def test_gst_in_australia(qbo_connect):
    company = qbo_connect("AU")
    lines = [sales_line(100, TaxCodeRef="2"), sales_line(50, TaxCodeRef="3"), sales_line(5, TaxCodeRef="4")]
    invoice = company.post("Invoice", company.invoice(Line=lines))
    assert (invoice["TxnTaxDetail"]["TotalTax"], invoice["TotalAmt"]) == (10, 165)


# === CURRENCIES === #


def test_currency_must_be_said_and_be_the_customers(qbo_gb):
    lines = [sales_line(100, TaxCodeRef="4")]
    assert qbo_gb.refused("Invoice", qbo_gb.invoice(Line=lines))[0] == "2020"
    assert qbo_gb.refused("Invoice", qbo_gb.invoice(Line=lines, CurrencyRef={"value": "EUR"}))[0] == "6000"
    customer = {"value": qbo_gb.customer("Bäckerei Müller GmbH")["Id"]}
    body = qbo_gb.invoice(CustomerRef=customer, CurrencyRef={"value": "EUR"}, Line=lines)
    sent = qbo_gb.post("Invoice", {**body, "ExchangeRate": "0.86"})
    assert (sent["ExchangeRate"], sent["HomeTotalAmt"], sent["TotalAmt"]) == (Decimal("0.86"), 86, 100)
    own = qbo_gb.post("Invoice", body)
    assert Decimal("0.8") < own["ExchangeRate"] < Decimal("0.95"), "home units for one foreign unit"
    home = gb_invoice(qbo_gb, lines, ExchangeRate="7")
    assert (home["ExchangeRate"], home["HomeTotalAmt"]) == (1, 100)


# === HEAD === #


def test_terms_give_the_due_date_and_projects_belong_to_the_customer(qbo_us):
    body = qbo_us.invoice(DueDate=None, SalesTermRef={"value": "3"})
    invoice = qbo_us.post("Invoice", body)
    assert invoice["DueDate"] == "2026-10-14"
    moved = qbo_us.post(
        "Invoice", {"Id": invoice["Id"], "SyncToken": "0", "sparse": True, "TxnDate": "2026-09-20"}
    )
    assert moved["DueDate"] == "2026-10-20"
    project = {"value": qbo_us.customer("Town Hall Roof")["Id"]}
    assert qbo_us.post("Invoice", qbo_us.invoice(ProjectRef=project))["ProjectRef"] == project
    assert qbo_us.post("Invoice", qbo_us.invoice(CustomerRef=project))["CustomerRef"]["name"] == (
        "Town Council:Town Hall Roof"
    )
    other = {"value": qbo_us.customer("Cellar O'Neill")["Id"]}
    assert qbo_us.refused("Invoice", qbo_us.invoice(ProjectRef=other))[0] == "6000"


def test_groups_carry_their_lines(qbo_us):
    detail = {
        "GroupItemRef": {"value": "10"},
        "Quantity": 1,
        "Line": [sales_line(30, item="5", TaxCodeRef="TAX")],
    }
    lines = [{"DetailType": "GroupLineDetail", "GroupLineDetail": detail}]
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=lines))
    assert invoice["Line"][0]["Amount"] == 30
    assert str(invoice["TotalAmt"]) == "34.5"
    detail["GroupItemRef"] = {"value": "2"}
    assert qbo_us.refused("Invoice", qbo_us.invoice(Line=lines))[0] == "2500"


def test_send_and_invoice_link(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice(BillEmail={"Address": "pay@council.example"}))
    assert "InvoiceLink" not in qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]
    linked = qbo_us.get(f"invoice/{invoice['Id']}", include="invoiceLink")["Invoice"]
    assert f"txnId={invoice['Id']}" in linked["InvoiceLink"]
    headers = {"Content-Type": "application/octet-stream"}
    sent = qbo_us.call("POST", f"invoice/{invoice['Id']}/send", b"", headers=headers).json()["Invoice"]
    assert (sent["EmailStatus"], sent["DeliveryInfo"]["DeliveryType"]) == ("EmailSent", "Email")
    bare = qbo_us.post("Invoice", qbo_us.invoice())
    assert qbo_us.fault(qbo_us.call("POST", f"invoice/{bare['Id']}/send", b"", headers=headers))[0] == "2020"
    other = qbo_us.call("POST", f"invoice/{bare['Id']}/send", b"", {"sendTo": "x@y.example"}, headers)
    assert other.json()["Invoice"]["BillEmail"]["Address"] == "x@y.example"


# === CHANGE, VOID, DELETE === #


def test_lines_of_an_update_replace_the_lines_and_ids_are_kept(qbo_us):
    lines = [sales_line(10, TaxCodeRef="NON"), sales_line(20, TaxCodeRef="NON")]
    invoice = qbo_us.post("Invoice", qbo_us.invoice(Line=lines))
    base = {"Id": invoice["Id"], "SyncToken": "0", "sparse": True}
    kept = {**lines[1], "Id": invoice["Line"][1]["Id"], "Amount": 25}
    changed = qbo_us.post("Invoice", {**base, "Line": [kept, sales_line(1, TaxCodeRef="NON")]})
    assert [line.get("Id") for line in changed["Line"]] == ["2", "3", None]
    assert (changed["TotalAmt"], changed["SyncToken"]) == (26, "1")
    assert qbo_us.refused("Invoice", {**base, "PrivateNote": "late"})[0] == "5010"


def test_full_update_drops_what_is_left_out(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice(PrivateNote="x", DocNumber="F-1"))
    full = qbo_us.post("Invoice", {**qbo_us.invoice(), "Id": invoice["Id"], "SyncToken": "0"})
    assert not {"PrivateNote", "DocNumber"} & set(full)
    assert qbo_us.refused("Invoice", {"Id": invoice["Id"], "SyncToken": "1"})[0] == "2020"


def test_void_zeroes_and_says_so(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice(DocNumber="V-1", PrivateNote="ours"))
    assert qbo_us.refused("Invoice", {"Id": invoice["Id"]}, operation="void")[0] == "2020"
    assert qbo_us.refused("Invoice", {"Id": invoice["Id"], "SyncToken": "7"}, operation="void")[0] == "5010"
    void = qbo_us.post("Invoice", {"Id": invoice["Id"], "SyncToken": "0"}, operation="void")
    assert (void["TotalAmt"], void["Balance"], void["TxnTaxDetail"]["TotalTax"]) == (0, 0, 0)
    assert void["PrivateNote"] == "Voided - ours"
    assert {line["Amount"] for line in void["Line"]} == {0}
    assert void["Line"][0]["SalesItemLineDetail"]["Qty"] == 0
    assert (void["DocNumber"], void["SyncToken"]) == ("V-1", "1")


def test_delete_is_gone_and_told(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    body = {"Id": invoice["Id"], "SyncToken": "0"}
    assert qbo_us.post("Invoice", body, operation="delete") == {
        "domain": "QBO",
        "status": "Deleted",
        "Id": invoice["Id"],
    }
    assert qbo_us.refused("Invoice", body, operation="delete")[0] == "610"
    assert qbo_us.fault(qbo_us.call("GET", f"invoice/{invoice['Id']}"))[0] == "610"
    assert qbo_us.refused("Invoice", {**body, "sparse": True, "PrivateNote": "x"})[0] == "610"


def test_closed_books_refuse_every_change(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    qbo_us.control(BookCloseDate="2026-09-14")
    base = {"Id": invoice["Id"], "SyncToken": "0"}
    assert qbo_us.refused("Invoice", qbo_us.invoice())[0] == "6210"
    assert qbo_us.refused("Invoice", {**base, "sparse": True, "TxnDate": "2026-09-20"})[0] == "6210"
    assert qbo_us.refused("Invoice", base, operation="void")[0] == "6210"
    assert qbo_us.refused("Invoice", base, operation="delete")[0] == "6210"
    assert qbo_us.post("Invoice", qbo_us.invoice(TxnDate="2026-09-15"))["TxnDate"] == "2026-09-15"
    preferences = qbo_us.get("preferences")["Preferences"]
    assert preferences["AccountingInfoPrefs"]["BookCloseDate"] == "2026-09-14"


# === PAYMENTS AND CREDIT === #


def payment_of(invoice, amount, **values):
    return {
        "CustomerRef": {"value": invoice["CustomerRef"]["value"]},
        "TotalAmt": amount,
        "Line": [{"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}],
        **values,
    }


def test_payments_are_refused_when_they_do_not_fit(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    good = payment_of(invoice, 100)
    other = {"value": qbo_us.customer("Bright Dental")["Id"]}
    for values, code in (
        ({"TotalAmt": None}, "2020"),
        ({"CustomerRef": None}, "2020"),
        ({"CustomerRef": other}, "2500"),
        ({"TotalAmt": 50}, "6000"),
        ({"TotalAmt": -1}, "6000"),
        ({"PaymentMethodRef": {"value": "99"}}, "2500"),
        ({"DepositToAccountRef": {"value": "99"}}, "2500"),
        ({"DepositToAccountRef": {"value": "12"}}, "2500"),
        ({"DepositToAccountRef": {"value": "8"}}, "6000"),
        ({"Line": [{"LinkedTxn": []}]}, "2020"),
        ({"Line": [{"Amount": 1, "LinkedTxn": [{"TxnId": "999", "TxnType": "Invoice"}]}]}, "2500"),
    ):
        assert qbo_us.refused("Payment", {**good, **values})[0] == code, values
    assert qbo_us.refused("Payment", payment_of(invoice, "115.01"))[0] == "6000"
    assert qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]["Balance"] == 115


def test_payment_settles_and_its_void_opens_again(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    payment = qbo_us.post("Payment", payment_of(invoice, 40))
    paid = qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]
    assert (paid["Balance"], paid["SyncToken"]) == (75, "1")
    assert paid["LinkedTxn"] == [{"TxnId": payment["Id"], "TxnType": "Payment"}]
    more = qbo_us.post(
        "Payment", {**payment_of(invoice, 115), "Id": payment["Id"], "SyncToken": payment["SyncToken"]}
    )
    assert qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]["Balance"] == 0
    assert qbo_us.customer("Town Council")["Balance"] == 0
    less = {"Id": invoice["Id"], "SyncToken": "2", "sparse": True, "Line": [sales_line(10, TaxCodeRef="NON")]}
    assert qbo_us.refused("Invoice", less)[0] == "6000"
    void = qbo_us.post(
        "Payment",
        {"Id": payment["Id"], "SyncToken": more["SyncToken"], "sparse": True},
        operation="update",
        include="void",
    )
    assert (void["TotalAmt"], void["PrivateNote"]) == (0, "Voided")
    assert qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]["Balance"] == 115


def test_one_payment_of_several_invoices_changed_and_deleted(qbo_us):
    first, second = (qbo_us.post("Invoice", qbo_us.invoice()) for _time in range(2))

    def lines(*pairs):
        return [
            {"Amount": amount, "LinkedTxn": [{"TxnId": invoice["Id"], "TxnType": "Invoice"}]}
            for invoice, amount in pairs
        ]

    def balances():
        return [qbo_us.get(f"invoice/{one['Id']}")["Invoice"]["Balance"] for one in (first, second)]

    body = payment_of(first, 150, Line=lines((first, 115), (second, 20)), DepositToAccountRef={"value": "1"})
    payment = qbo_us.post("Payment", {**body, "PaymentRefNum": "CHQ 7"})
    assert (payment["UnappliedAmt"], payment["PaymentRefNum"]) == (15, "CHQ 7")
    assert payment["DepositToAccountRef"] == {"value": "1"}
    assert balances() == [0, 95]
    head = {"Id": payment["Id"], "SyncToken": payment["SyncToken"]}
    changed = qbo_us.post("Payment", {**head, "sparse": True, "Line": lines((second, 115))})
    assert (changed["UnappliedAmt"], balances()) == (35, [115, 0])
    assert qbo_us.refused("Payment", {**head, "sparse": True, "TotalAmt": 115})[0] == "5010"
    made = qbo_us.control(payments=[{"invoices": [{"Id": first["Id"], "amount": 5}], "account": "4"}])
    assert balances() == [110, 0]
    qbo_us.control(payments=[{"Id": made["payments"][0], "action": "delete"}])
    head["SyncToken"] = changed["SyncToken"]
    assert qbo_us.post("Payment", head, operation="delete")["status"] == "Deleted"
    assert balances() == [115, 115]
    assert qbo_us.query("SELECT * FROM Payment") == {}


def test_a_payment_without_account_goes_to_undeposited_funds(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    assert qbo_us.post("Payment", payment_of(invoice, 5))["DepositToAccountRef"] == {"value": "4"}


def test_voiding_a_paid_invoice_leaves_the_payment_as_credit(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    payment = qbo_us.post("Payment", payment_of(invoice, 115))
    qbo_us.post("Invoice", {"Id": invoice["Id"], "SyncToken": "1"}, operation="void")
    left = qbo_us.get(f"payment/{payment['Id']}")["Payment"]
    assert (left["UnappliedAmt"], left["Line"]) == (115, [])
    assert qbo_us.customer("Town Council")["Balance"] == -115


def test_deposited_payments_hold_what_they_paid(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    qbo_us.control(invoices=[{"Id": invoice["Id"], "action": "pay", "deposited": True}])
    body = {"Id": invoice["Id"], "SyncToken": "1"}
    assert qbo_us.refused("Invoice", body, operation="void")[0] == "6540"
    assert qbo_us.refused("Invoice", body, operation="delete")[0] == "6540"
    payment = qbo_us.query("SELECT * FROM Payment")["Payment"][0]
    body = {"Id": payment["Id"], "SyncToken": payment["SyncToken"]}
    assert qbo_us.refused("Payment", body, operation="delete")[0] == "6540"


def test_credit_memo_lowers_the_balance_of_the_customer(qbo_us):
    memo = qbo_us.post("CreditMemo", qbo_us.invoice(DueDate=None))
    assert (memo["TotalAmt"], memo["RemainingCredit"], memo["Balance"]) == (115, 115, 115)
    assert qbo_us.customer("Town Council")["Balance"] == -115
    body = {"Id": memo["Id"], "SyncToken": "0"}
    assert qbo_us.post("CreditMemo", body, operation="delete")["status"] == "Deleted"


def application(memo, invoice, amount, **values):
    """A payment of nothing that applies a credit memo to an invoice."""
    lines = [
        {"Amount": amount, "LinkedTxn": [{"TxnId": document["Id"], "TxnType": kind}]}
        for kind, document in (("Invoice", invoice), ("CreditMemo", memo))
    ]
    return {
        "CustomerRef": {"value": invoice["CustomerRef"]["value"]},
        "TotalAmt": 0,
        "Line": lines,
        **values,
    }


def balances(qbo_us, memo, invoice):
    read = (
        qbo_us.get(f"creditmemo/{memo['Id']}")["CreditMemo"],
        qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"],
    )
    return tuple(document["Balance"] for document in read)


def test_a_credit_memo_is_applied_by_a_payment_of_nothing(qbo_us):
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    memo = qbo_us.post("CreditMemo", qbo_us.invoice(DueDate=None))
    part = qbo_us.post("Payment", application(memo, invoice, 15))
    assert (part["TotalAmt"], part["UnappliedAmt"]) == (0, 0)
    assert [line["LinkedTxn"][0]["TxnType"] for line in part["Line"]] == ["Invoice", "CreditMemo"]
    assert balances(qbo_us, memo, invoice) == (100, 100)
    assert qbo_us.refused("Payment", application(memo, invoice, 101))[0] == "6000"
    lines = application(memo, invoice, 20)["Line"]
    lopsided = {**application(memo, invoice, 20), "Line": [lines[0], {**lines[1], "Amount": 10}]}
    assert qbo_us.refused("Payment", lopsided)[0] == "6000", (
        "more for the invoice than the credit memo brings"
    )
    other = {"value": qbo_us.customer("Bright Dental")["Id"]}
    assert qbo_us.refused("Payment", {**application(memo, invoice, 1), "CustomerRef": other})[0] == "2500"
    whole = qbo_us.post("Payment", application(memo, invoice, 100))
    assert balances(qbo_us, memo, invoice) == (0, 0)
    assert qbo_us.customer("Town Council")["Balance"] == 0
    qbo_us.post("Payment", {"Id": part["Id"], "SyncToken": part["SyncToken"]}, operation="delete")
    assert balances(qbo_us, memo, invoice) == (15, 15)
    page = f"{qbo_us.server.base_url}/app/recvpayment?txnId={whole['Id']}&companyId={qbo_us.realm}"
    assert "Credit memo" in qbo_us.session.get(page, timeout=10).text


@pytest.mark.parametrize("gone", ["CreditMemo", "Invoice"])
@pytest.mark.parametrize("operation", ["void", "delete"])
def test_what_was_applied_is_open_again(qbo_us, gone, operation):
    """Whichever of the two goes away: the other one is open as before, and nothing is left of the payment."""
    invoice = qbo_us.post("Invoice", qbo_us.invoice())
    memo = qbo_us.post("CreditMemo", qbo_us.invoice(DueDate=None))
    payment = qbo_us.post("Payment", application(memo, invoice, 40))
    key = {"CreditMemo": memo, "Invoice": invoice}[gone]["Id"]
    qbo_us.post(gone, {"Id": key, "SyncToken": "1"}, operation=operation)
    left = qbo_us.get(f"payment/{payment['Id']}")["Payment"]
    if gone == "CreditMemo":
        assert (left["UnappliedAmt"], left["Line"]) == (0, [])
        assert qbo_us.get(f"invoice/{invoice['Id']}")["Invoice"]["Balance"] == 115
    else:
        assert left["UnappliedAmt"] == 40, "what it brought stays as credit of the customer"
