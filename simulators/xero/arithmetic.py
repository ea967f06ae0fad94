"""Xero's sums (provider_facts A9): the line amount, the tax per line, the totals."""

from decimal import Decimal

from ..common.numbers import CENT, round_to

HUNDRED = Decimal(100)
ZERO = Decimal("0.00")


def line_amount(quantity, unit_amount, discount_rate=None, discount_amount=None):
    """``Quantity × UnitAmount × (100 − DiscountRate) / 100``, or less a DiscountAmount; 2 dp [YAML]."""
    amount = quantity * unit_amount
    if discount_rate is not None:
        amount = amount * (HUNDRED - discount_rate) / HUNDRED
    elif discount_amount is not None:
        amount -= discount_amount
    return round_to(amount, CENT)


def line_tax(amount, rate, line_amount_types):
    """The tax of one line, 2 dp, half up [MAN]. ``rate`` is in percent."""
    if line_amount_types == "NoTax":
        return ZERO
    if line_amount_types == "Inclusive":
        return round_to(amount * rate / (HUNDRED + rate), CENT)
    return round_to(amount * rate / HUNDRED, CENT)


def totals(lines, line_amount_types):
    """(SubTotal, TotalTax, Total) of lines with LineAmount and TaxAmount."""
    amounts = sum((line["LineAmount"] for line in lines), ZERO)
    tax = sum((line["TaxAmount"] for line in lines), ZERO)
    if line_amount_types == "Inclusive":
        return amounts - tax, tax, amounts
    return amounts, tax, amounts + tax
