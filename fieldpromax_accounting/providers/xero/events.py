"""Xero's webhooks (facts A12): contacts and invoices; there are none for items, accounts and payments."""

from __future__ import annotations

from .. import dto, webhooks

SIGNATURE_HEADER = 'x-xero-signature'
#: eventCategory → kind; other categories are passed over. A payment rings as its invoice.
_KINDS = {'CONTACT': 'contact', 'INVOICE': 'invoice'}
_CHANGES = {'CREATE': 'created', 'UPDATE': 'updated'}


def read(body: bytes) -> tuple[dto.Doorbell, ...]:
    """The doorbells of a body, each once; () for an "intent to receive", which lists no events."""
    value = webhooks.parse(body)
    if not isinstance(value, dict):
        return ()
    found = []
    for event in webhooks.dicts(value.get('events')):
        kind = _KINDS.get(webhooks.word(event, 'eventCategory').upper())
        organization = webhooks.word(event, 'tenantId')
        if kind and organization:
            change = _CHANGES.get(webhooks.word(event, 'eventType').upper(), 'updated')
            found.append(dto.Doorbell(organization, kind, webhooks.word(event, 'resourceId'), change))
    return tuple(dict.fromkeys(found))
