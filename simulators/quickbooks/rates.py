"""Exchange rates of a day: made up, but the same every time for the same date. Home units for one foreign unit
(B12)."""

from datetime import date
from decimal import Decimal

from ..common.numbers import round_to

SIX = Decimal("0.000001")
IN_USD = {
    "USD": Decimal("1"),
    "GBP": Decimal("1.3087"),
    "AUD": Decimal("0.6531"),
    "EUR": Decimal("1.1578"),
    "CAD": Decimal("0.7169"),
    "NZD": Decimal("0.5874"),
    "JPY": Decimal("0.006604"),
    "KWD": Decimal("3.2626"),
    "BHD": Decimal("2.6596"),
}
NAMES = {
    "USD": "United States Dollar",
    "GBP": "British Pound Sterling",
    "AUD": "Australian Dollar",
    "EUR": "Euro",
    "CAD": "Canadian Dollar",
    "NZD": "New Zealand Dollar",
    "JPY": "Japanese Yen",
    "KWD": "Kuwaiti Dinar",
    "BHD": "Bahraini Dinar",
}


def home_units(home, currency, day):
    """Units of ``home`` for one unit of ``currency``, 6 decimals."""
    drift = Decimal(date.fromisoformat(day).toordinal() % 97 - 48) / Decimal(10_000)
    return round_to(IN_USD[currency] / IN_USD[home] * (1 + drift), SIX)
