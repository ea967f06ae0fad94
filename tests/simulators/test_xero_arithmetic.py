"""Xero's sums (provider_facts A9), with figures worked out by hand, and over the API."""

from decimal import Decimal as D

import pytest

from simulators.xero import arithmetic


@pytest.mark.parametrize(
    ("quantity", "unit", "rate", "amount", "expected"),
    [
        ("1", "10", None, None, "10.00"),
        ("3", "33.3333", None, None, "100.00"),
        ("1.5", "33.3333", "10", None, "45.00"),
        ("1", "0.005", None, None, "0.01"),
        ("1", "-0.005", None, None, "-0.01"),
        ("1", "0.0049", None, None, "0.00"),
        ("7", "1.115", None, None, "7.81"),
        ("1", "2.675", None, None, "2.68"),
        ("3", "19.99", "12.5", None, "52.47"),
        ("1", "100", "100", None, "0.00"),
        ("2", "50", None, "0.01", "99.99"),
        ("-2", "50", None, None, "-100.00"),
        ("0.3333", "9.99", None, None, "3.33"),
    ],
)
def test_line_amount(quantity, unit, rate, amount, expected):
    result = arithmetic.line_amount(D(quantity), D(unit), rate and D(rate), amount and D(amount))
    assert str(result) == expected


@pytest.mark.parametrize(
    ("amount", "rate", "types", "expected"),
    [
        ("100", "15", "Exclusive", "15.00"),
        ("0.10", "15", "Exclusive", "0.02"),
        ("0.03", "15", "Exclusive", "0.00"),
        ("10.30", "15", "Exclusive", "1.55"),
        ("-10.30", "15", "Exclusive", "-1.55"),
        ("115", "15", "Inclusive", "15.00"),
        ("100", "15", "Inclusive", "13.04"),
        ("110", "10", "Inclusive", "10.00"),
        ("100", "8.25", "Exclusive", "8.25"),
        ("33.33", "17.5", "Exclusive", "5.83"),
        ("100", "15", "NoTax", "0.00"),
        ("100", "0", "Exclusive", "0.00"),
    ],
)
def test_line_tax(amount, rate, types, expected):
    assert str(arithmetic.line_tax(D(amount), D(rate), types)) == expected


def _sums(invoice):
    return [str(invoice[name]) for name in ("SubTotal", "TotalTax", "Total")]


def _line(**values):
    return {"Description": "d", "Quantity": 1, "AccountCode": "200", "TaxType": "TAX001", **values}


def test_tax_is_rounded_per_line_and_then_summed(us, invoice):
    """Three lines of 0.10 at 15 %: 0.02 each, 0.06; worked out on the sum it would be 0.05 (0.045)."""
    made = us.put("Invoices", invoice(LineItems=[_line(UnitAmount="0.10")] * 3))[0]
    assert _sums(made) == ["0.30", "0.06", "0.36"]


def test_inclusive(us, invoice):
    made = us.put("Invoices", invoice(LineAmountTypes="Inclusive", LineItems=[_line(UnitAmount="9.99")] * 3))[
        0
    ]
    assert _sums(made) == ["26.07", "3.90", "29.97"]
    assert str(made["LineItems"][0]["LineAmount"]) == "9.99"


def test_no_tax(us, invoice):
    made = us.put(
        "Invoices", invoice(LineAmountTypes="NoTax", LineItems=[_line(UnitAmount="9.99", TaxAmount=1)])
    )[0]
    assert _sums(made) == ["9.99", "0.00", "9.99"]
    assert made["LineItems"][0]["TaxType"] == "NONE"


def test_tax_amount_of_a_line_can_be_overridden(us, invoice):
    made = us.put(
        "Invoices", invoice(LineItems=[_line(UnitAmount=100, TaxAmount="14.99"), _line(UnitAmount=100)])
    )[0]
    assert _sums(made) == ["200.00", "29.99", "229.99"]
    read = us.post(f"Invoices/{made['InvoiceID']}", {"Reference": "kept"})[0]
    assert _sums(read) == ["200.00", "29.99", "229.99"]


def test_an_override_ends_when_the_amount_changes(us, invoice):
    made = us.put("Invoices", invoice(LineItems=[_line(UnitAmount=100, TaxAmount="14.99")]))[0]
    key = made["LineItems"][0]["LineItemID"]
    changed = us.post(f"Invoices/{made['InvoiceID']}", {"LineItems": [{"LineItemID": key, "Quantity": 2}]})[0]
    assert _sums(changed) == ["200.00", "30.00", "230.00"]


def test_unit_amounts_have_two_decimals_or_four(us, invoice):
    body = invoice(LineItems=[_line(Quantity=100, UnitAmount="1.23456")])
    two, four = us.put("Invoices", body)[0], us.put("Invoices", body, unitdp=4)[0]
    assert (str(two["LineItems"][0]["UnitAmount"]), str(two["SubTotal"])) == ("1.23", "123.00")
    assert (str(four["LineItems"][0]["UnitAmount"]), str(four["SubTotal"])) == ("1.2346", "123.46")
    shown = us.get(f"Invoices/{four['InvoiceID']}")["Invoices"][0]
    assert (str(shown["LineItems"][0]["UnitAmount"]), str(shown["SubTotal"])) == ("1.23", "123.46")


def test_discounts(us, invoice):
    made = us.put(
        "Invoices",
        invoice(
            LineItems=[
                _line(Quantity=3, UnitAmount="19.99", DiscountRate="12.5"),
                _line(UnitAmount=10, DiscountAmount="0.50"),
            ]
        ),
    )[0]
    assert [str(entry["LineAmount"]) for entry in made["LineItems"]] == ["52.47", "9.50"]
    assert (made["IsDiscounted"], str(made["TotalDiscount"])) == (True, "8.00")
    assert str(made["LineItems"][0]["DiscountRate"]) == "12.5000"
    assert str(made["LineItems"][1]["DiscountAmount"]) == "0.50"


def test_a_matching_line_amount_is_taken_and_fills_what_is_missing(us, invoice):
    made = us.put(
        "Invoices",
        invoice(LineItems=[
            _line(UnitAmount="33.33", LineAmount="33.33"),
            {"Description": "no price", "Quantity": 4, "LineAmount": 10, "AccountCode": "200"},
            {"Description": "no quantity", "UnitAmount": 4, "LineAmount": 10, "AccountCode": "200"},
            {"Description": "neither", "LineAmount": 10, "AccountCode": "200"},
        ]),
    )[0]  # fmt: skip
    shown = [(str(e["Quantity"]), str(e["UnitAmount"]), str(e["LineAmount"])) for e in made["LineItems"]]
    assert shown == [
        ("1.0000", "33.33", "33.33"),
        ("4.0000", "2.50", "10.00"),
        ("2.5000", "4.00", "10.00"),
        ("1.0000", "10.00", "10.00"),
    ]


def test_an_item_fills_price_account_tax_and_text(us, invoice):
    entry = us.put("Invoices", invoice(LineItems=[{"ItemCode": "valve-15", "Quantity": 2}]), unitdp=4)[0][
        "LineItems"
    ][0]
    assert (entry["ItemCode"], entry["Description"], entry["AccountCode"]) == (
        "VALVE-15",
        "Isolation valve 15 mm",
        "205",
    )
    assert (str(entry["UnitAmount"]), str(entry["LineAmount"]), entry["TaxType"]) == (
        "7.3350",
        "14.67",
        "TAX001",
    )
    own = us.put(
        "Invoices", invoice(LineItems=[{"ItemCode": "VALVE-15", "UnitAmount": 1, "AccountCode": "200"}])
    )[0]
    assert (own["LineItems"][0]["AccountCode"], str(own["SubTotal"])) == ("200", "1.00")


def test_tax_comes_from_the_account_when_nothing_is_said(us, invoice):
    made = us.put("Invoices", invoice(LineItems=[
        {"Description": "a", "UnitAmount": 1, "AccountCode": "200"},
        {"Description": "b", "UnitAmount": 1, "AccountCode": "210"},
    ]))[0]  # fmt: skip
    assert [entry["TaxType"] for entry in made["LineItems"]] == ["TAX001", "NONE"]


def test_a_text_line(us, invoice):
    made = us.put("Invoices", invoice(LineItems=[_line(UnitAmount=1), {"Description": "Just words"}]))[0]
    assert (str(made["LineItems"][1]["LineAmount"]), str(made["Total"])) == ("0.00", "1.15")


def test_sent_totals_are_ignored(us, invoice):
    made = us.put("Invoices", invoice(SubTotal=1, TotalTax=1, Total=2))[0]
    assert _sums(made) == ["100.00", "15.00", "115.00"]


# === ROUNDING AMOUNT: an opt-in of the organisation === #

ROUNDED = {"RoundingAmount": "0.05", "SubTotal": 100, "TotalTax": 15, "Total": "115.05"}


def test_rounding_amount_needs_the_opt_in(us, invoice):
    made = us.put("Invoices", invoice(**ROUNDED))[0]
    assert str(made["Total"]) == "115.00"
    assert "RoundingAmount" not in made


def test_rounding_amount(us, invoice):
    us.control({"rounding": True})
    made = us.put("Invoices", invoice(**ROUNDED))[0]
    assert (str(made["Total"]), str(made["RoundingAmount"]), str(made["AmountDue"])) == (
        "115.05",
        "0.05",
        "115.05",
    )
    listed = us.get("Invoices", page=1)["Invoices"][0]
    assert "RoundingAmount" not in listed
    assert str(us.get(f"Invoices/{made['InvoiceID']}")["Invoices"][0]["RoundingAmount"]) == "0.05"
    without = us.put("Invoices", invoice(RoundingAmount="0.05"))[0]
    assert str(without["Total"]) == "115.00"
    message = ["The RoundingAmount must be between -0.10 and 0.10."]
    assert us.refused("PUT", "Invoices", invoice(**{**ROUNDED, "RoundingAmount": "0.11"})) == message
    draft = us.put("Invoices", invoice(**{**ROUNDED, "RoundingAmount": "-0.11", "Status": "DRAFT"}))[0]
    assert str(draft["Total"]) == "115.00"
