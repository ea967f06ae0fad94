"""Would the provider come to the same totals? If not: why, from a closed list.

Pure, for both providers alike: what each of them adds up is its own (``predict_totals``).
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

from . import dto

#: both providers keep amounts in hundredths, whatever the currency
AMOUNT_DIGITS = 2


class Refusal(Enum):
    """Why an invoice is kept back although everything on it has its counterpart: the whole list."""

    #: an amount has a third decimal (dinars), which the provider has no place for
    DECIMALS = 'decimals'
    #: the provider multiplies a line's quantity, price and discount to another amount
    LINE_AMOUNT = 'line_amount'
    #: Odoo's lines do not add up to its own untaxed amount
    LINES_SUM = 'lines_sum'
    #: the provider's tax is another one
    TAX = 'tax'
    #: both agree on a total below zero, which no invoice may have there
    NEGATIVE_TOTAL = 'negative_total'
    #: another rule of the provider, said by ``check``
    RULE = 'rule'


@dataclass(frozen=True)
class Disagreement:
    """:param difference: the provider's total less Odoo's; of the taxes where the totals are the same."""

    refusal: Refusal
    predicted: dto.Totals
    difference: Decimal


def _has_place(amount: Decimal | None) -> bool:
    return amount is None or amount == round(amount, AMOUNT_DIGITS)


def disagreement(invoice: dto.Invoice, predicted: dto.Totals) -> Disagreement | None:
    """What tells ``predicted`` from the totals of ``invoice``; None when they are the same to the cent."""
    ours = invoice.totals
    if predicted == ours:
        return None
    lines = [line for line in invoice.lines if not line.is_text]
    amounts = [ours.untaxed, ours.tax, ours.total]
    amounts += [amount for line in lines for amount in (line.amount, line.tax_amount)]
    # Where prices include the tax, what the lines come to is the total.
    own, theirs = (ours.total, predicted.total) if invoice.tax_included else (ours.untaxed, predicted.untaxed)
    if not all(map(_has_place, amounts)):
        refusal = Refusal.DECIMALS
    elif theirs == own:
        refusal = Refusal.TAX
    elif sum((line.amount or Decimal(0) for line in lines), Decimal(0)) == own:
        refusal = Refusal.LINE_AMOUNT
    else:
        refusal = Refusal.LINES_SUM
    return Disagreement(refusal, predicted, predicted.total - ours.total or predicted.tax - ours.tax)


def refusal(provider, invoice: dto.Invoice) -> Refusal | None:
    """Why ``provider`` (an :class:`~.base.AccountingProvider`) may not be sent this invoice; None when it may."""
    if found := provider.disagreement(invoice):
        return found.refusal
    if provider.check('invoice', invoice):
        return Refusal.NEGATIVE_TOTAL if provider.predict_totals(invoice).total < 0 else Refusal.RULE
    return None
