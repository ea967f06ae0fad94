"""QuickBooks' sums (provider_facts B10, B11): lines, discount, and the tax of a sale."""

from decimal import Decimal

from ..common.numbers import round_to
from .wire import ZERO

HUNDRED = Decimal(100)
HALF_CENT = Decimal("0.005")


def fits(amount, quantity, price):
    """Whether Amount is Qty × UnitPrice to within half a cent (6070)."""
    return abs(amount - quantity * price) <= HALF_CENT


def shares(total, weights):
    """``total`` cut to the cent in proportion to ``weights``; the parts add up, the last one carries the rest."""
    whole = sum(weights, ZERO)
    if not weights:
        return []
    if not whole:
        return [*[ZERO] * (len(weights) - 1), total]
    parts = [round_to(total * weight / whole) for weight in weights[:-1]]
    return [*parts, total - sum(parts, ZERO)]


def net_of(gross, percent):
    """The net part of an amount that includes tax."""
    return round_to(gross * HUNDRED / (HUNDRED + percent))


def tax_groups(lines, rates_of):
    """Taxable sums by tax code, in order of appearance: ``{code: net amount}``.

    :param lines: pairs of tax code and net amount; a code without rates is not taxed
    """
    result = {}
    for code, amount in lines:
        if code is not None and rates_of(code):
            result[code] = result.get(code, ZERO) + amount
    return result


def tax_lines(groups, rates_of):
    """One entry a tax rate: ``{rate id: [percent, net amount, tax]}``. The tax of a code is rounded once, then
    cut by rate."""
    result = {}
    for code, net in groups.items():
        rates = rates_of(code)
        percents = [percent for _key, percent in rates]
        tax = round_to(net * sum(percents, ZERO) / HUNDRED)
        for (key, percent), part in zip(rates, shares(tax, percents), strict=True):
            entry = result.setdefault(key, [percent, ZERO, ZERO])
            entry[1] += net
            entry[2] += part
    return result


def spread(entries, total):
    """The same entries with ``total`` as their tax, in proportion to what they were (an override, B11)."""
    weights = [entry[2] for entry in entries.values()]
    if not any(weights):
        weights = [entry[1] for entry in entries.values()]
    parts = shares(total, weights)
    return {
        key: [entry[0], entry[1], part] for (key, entry), part in zip(entries.items(), parts, strict=True)
    }
