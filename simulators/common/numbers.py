"""Numbers as clients send them, and how money is rounded."""

from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

CENT = Decimal("0.01")


def round_to(value, step=CENT):
    """Round half away from zero."""
    return Decimal(value).quantize(step, rounding=ROUND_HALF_UP)


def number(value):
    """A JSON number or numeric text as Decimal; None when it is neither."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | Decimal):
        result = Decimal(value)
    elif isinstance(value, str):
        try:
            result = Decimal(value.strip())
        except InvalidOperation:
            return None
    else:
        return None
    return result if result.is_finite() and abs(result) < Decimal("1e15") else None
