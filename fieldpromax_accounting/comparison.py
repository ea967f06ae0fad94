"""Do both sides say the same? Plain functions on what was sent and what came back."""

import hashlib
import json
from dataclasses import asdict

from .providers import dto

# What a document is called in the books that counts no more.
VOID_STATUSES = ('void', 'deleted')


def content_hash(data):
    """Hash of what a DTO says, so that a later change can be told."""
    text = json.dumps(_said(asdict(data)), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()


def _said(value):
    """Without what is empty, which says nothing (a field that a later version adds does not change the hash of what was
    sent before), and without the rates of the books, which are theirs."""
    if isinstance(value, dict):
        return {
            name: _said(one) for name, one in value.items() if one not in ('', None) and name != 'tax_rate'
        }
    if isinstance(value, (list, tuple)):
        return [_said(one) for one in value]
    return value


def expectation(data):
    """What an answer, or a look-up, has to agree with: plain JSON. Works on what was sent and on what came back."""
    if isinstance(data, dto.Invoice):
        return {
            'key': data.number or data.own_number,
            'number': data.number,
            # only where the books were to number it: what came back may carry one of ours in any case
            **({'own_number': data.own_number} if data.own_number and not data.number else {}),
            'contact': data.contact_external_id,
            'project': data.project_external_id,
            'date': data.date.isoformat() if data.date else '',
            'currency': data.currency,
            'untaxed': amount_text(data.totals.untaxed),
            'tax': amount_text(data.totals.tax),
            'total': amount_text(data.totals.total),
            'lines': len(data.lines),
        }
    if isinstance(data, dto.Allocation):
        return {
            'key': '',
            'note': data.credit_note_external_id,
            'invoice': data.invoice_external_id,
            'contact': data.contact_external_id,
            'project': data.project_external_id,
            'date': data.date.isoformat() if data.date else '',
            'currency': data.currency,
            'total': amount_text(data.amount),
        }
    if isinstance(data, dto.Item):
        return {'key': data.code, 'code': data.code, 'name': data.name}
    return {'key': getattr(data, 'number', '') or data.name, 'name': data.name}


def amount_text(amount):
    """``Decimal('10.0')`` and ``Decimal('10.00')`` are the same amount; '' for one that is not there."""
    return (
        '' if amount is None else f'{amount:.2f}' if amount == round(amount, 2) else f'{amount.normalize():f}'
    )


def look_up_keys(remote):
    """By what a record of the books can be found again, without case."""
    return {
        key.casefold()
        for name in ('number', 'own_number', 'code', 'name')
        if (key := getattr(remote, name, ''))
    }


def agrees(expected, remote):
    """May ``remote`` be the document that was expected? It agrees in customer, date, currency and total; an allocation
    in its two documents, date and amount."""
    if isinstance(remote, dto.Allocation):
        found = expectation(remote)
        return all(found[name] == expected.get(name) for name in ('note', 'invoice', 'date', 'total'))
    if not isinstance(remote, dto.Invoice) or remote.own_number:
        # one that carries a number of ours is told by it
        return False
    found = expectation(remote)
    return found['contact'] in (expected.get('contact'), expected.get('project')) and all(
        found[name] == expected.get(name) for name in ('date', 'currency', 'total')
    )
