"""QuickBooks' own ways in JSON and in its query language (provider_facts B4, B6)."""

from __future__ import annotations

from collections.abc import Sequence

from ..wire import iso_moment, nested, text


def ref(value: str) -> dict | None:
    """A reference as it is sent; None for none."""
    return {'value': value} if value else None


def ref_id(element: dict, key: str) -> str:
    """The id that a reference names, '' for none."""
    return text(nested(element, key), 'value').strip()


def updated(element: dict):
    """``MetaData.LastUpdatedTime`` in UTC, None where there is none."""
    return iso_moment(nested(element, 'MetaData').get('LastUpdatedTime'))


def created(element: dict):
    """``MetaData.CreateTime`` in UTC, None where there is none."""
    return iso_moment(nested(element, 'MetaData').get('CreateTime'))


def quoted(value: str) -> str:
    """A text in a query: an apostrophe is written ``\\'`` (doubling it fails), a backslash ``\\\\``."""
    escaped = value.replace('\\', '\\\\').replace("'", "\\'")
    return f"'{escaped}'"


def within(field: str, values: Sequence[str]) -> str:
    """The condition that ``field`` is one of ``values``."""
    return f'{field} IN ({", ".join(quoted(value) for value in values)})'


def select(entity: str, where: Sequence[str] = (), order: str = '', start: int = 1, limit: int = 1000) -> str:
    """A query. Conditions can only be joined by AND: the language has no OR."""
    # conditions are made of quoted texts by this module; entities are ours
    query = f'SELECT * FROM {entity}'  # noqa: S608
    if where:
        query += f' WHERE {" AND ".join(where)}'
    if order:
        query += f' ORDERBY {order} ASC'
    return f'{query} STARTPOSITION {start} MAXRESULTS {limit}'


def count(entity: str, where: Sequence[str] = ()) -> str:
    query = f'SELECT COUNT(*) FROM {entity}'  # noqa: S608
    return f'{query} WHERE {" AND ".join(where)}' if where else query
