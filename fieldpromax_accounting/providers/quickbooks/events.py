"""Webhooks of QuickBooks Online in both forms (facts B14): ``eventNotifications``, and the array of CloudEvents that
takes their place. One body may speak of several companies."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .. import dto, webhooks

SIGNATURE_HEADER = 'intuit-signature'
#: name of the entity → kinds; others are passed over. A project is a customer there, and the name does not tell.
_KINDS = {'customer': ('contact', 'project'), 'item': ('item',), 'invoice': ('invoice',)}
_CHANGES = {
    'create': 'created',
    'created': 'created',
    'delete': 'deleted',
    'deleted': 'deleted',
    'merge': 'merged',
    'merged': 'merged',
}
_TYPE = re.compile(r'qbo\.([a-z]+)\.([a-z]+)\.v\d+', re.IGNORECASE)


def read(body: bytes) -> tuple[dto.Doorbell, ...]:
    """The doorbells of a body, each once."""
    value = webhooks.parse(body)
    if isinstance(value, list):
        events = _cloud_events(value)
    elif isinstance(value, dict):
        events = _notifications(value)
    else:
        return ()
    found = []
    for organization, name, external_id, operation, merged in events:
        change = _CHANGES.get(operation.lower(), 'updated')
        for kind in _KINDS.get(name.lower(), ()) if organization else ():
            found.append(
                dto.Doorbell(organization, kind, external_id, change, merged if change == 'merged' else '')
            )
    return tuple(dict.fromkeys(found))


def _notifications(value: dict) -> Iterator[tuple[str, str, str, str, str]]:
    for notification in webhooks.dicts(value.get('eventNotifications')):
        realm = webhooks.word(notification, 'realmId')
        change = notification.get('dataChangeEvent')
        for entity in webhooks.dicts(change.get('entities') if isinstance(change, dict) else None):
            words = (webhooks.word(entity, key) for key in ('name', 'id', 'operation', 'deletedId'))
            yield (realm, *words)


def _cloud_events(value: list) -> Iterator[tuple[str, str, str, str, str]]:
    for event in webhooks.dicts(value):
        known = _TYPE.fullmatch(webhooks.word(event, 'type'))
        if not known:
            continue
        data = event.get('data')
        yield (
            webhooks.word(event, 'intuitaccountid'),
            known[1],
            webhooks.word(event, 'intuitentityid'),
            known[2],
            webhooks.word(data, 'deletedid') if isinstance(data, dict) else '',
        )
