"""Day rates of currencies, standing in for XE.com's (A9): made up, but the same every time for the same date."""

from datetime import date
from decimal import Decimal

from ..common.numbers import round_to
from .wire import SIX

PER_USD = {
    "USD": Decimal("1"),
    "AUD": Decimal("1.5312"),
    "NZD": Decimal("1.7025"),
    "GBP": Decimal("0.7641"),
    "EUR": Decimal("0.8637"),
    "CAD": Decimal("1.3948"),
    "SGD": Decimal("1.2987"),
    "JPY": Decimal("151.42"),
    "KWD": Decimal("0.3065"),
    "BHD": Decimal("0.376"),
}
NAMES = {
    "USD": "United States Dollar",
    "AUD": "Australian Dollar",
    "NZD": "New Zealand Dollar",
    "GBP": "British Pound",
    "EUR": "Euro",
    "CAD": "Canadian Dollar",
    "SGD": "Singapore Dollar",
    "JPY": "Japanese Yen",
    "KWD": "Kuwaiti Dinar",
    "BHD": "Bahraini Dinar",
}


def day_rate(base, currency, day):
    """Units of ``currency`` for one unit of ``base`` (A9: the direction is general knowledge), 6 decimals."""
    drift = Decimal(date.fromisoformat(day).toordinal() % 97 - 48) / Decimal(10_000)
    return round_to(PER_USD[currency] / PER_USD[base] * (1 + drift), SIX)
