"""Do both sides say the same? Plain functions on what was sent and what came back."""

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from decimal import Decimal

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
    if isinstance(data, dto.Attachment):
        return {
            'key': data.name,
            'name': data.name,
            'size': data.size,
            'document_kind': data.document_kind,
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
    if isinstance(data, dto.Payment):
        return {
            'key': '',
            'contact': data.contact_external_id,
            'account': data.account,
            'date': data.date.isoformat() if data.date else '',
            'currency': data.currency,
            'total': amount_text(data.amount),
            'applied': ', '.join(
                f'{document}: {amount_text(amount)}' for document, amount in sorted(data.applications)
            ),
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
    in its two documents, date and amount; a payment in the invoices that it pays as well."""
    if isinstance(remote, dto.Allocation):
        found = expectation(remote)
        return all(found[name] == expected.get(name) for name in ('note', 'invoice', 'date', 'total'))
    if isinstance(remote, dto.Payment):
        found = expectation(remote)
        return remote.active and all(
            found[name] == expected.get(name) for name in ('contact', 'date', 'currency', 'total', 'applied')
        )
    if not isinstance(remote, dto.Invoice) or remote.own_number:
        # one that carries a number of ours is told by it
        return False
    found = expectation(remote)
    return found['contact'] in (expected.get('contact'), expected.get('project')) and all(
        found[name] == expected.get(name) for name in ('date', 'currency', 'total')
    )


# === DOCUMENTS, FIELD BY FIELD === #

#: what is compared of a document, in the order in which people are told
HEADER = (
    'number',
    'contact',
    'total',
    'tax',
    'untaxed',
    'date',
    'due_date',
    'reference',
    'currency',
    'rate',
    'status',
)
LINE = (
    'description',
    'item',
    'quantity',
    'unit_price',
    'discount',
    'account',
    'tax_code',
    'tax',
    'amount',
    'categories',
)
#: between the categories of a line, whose ids have none
CATEGORY_JOINT = ' '
#: rates are kept with different numbers of decimals, and one of the providers keeps the inverse
RATE_TOLERANCE = Decimal('0.00001')


@dataclass(frozen=True)
class Difference:
    """:param field: of :data:`HEADER` or :data:`LINE`, ``lines`` (their number) or ``kind`` of a line (text or amount).
    :param line: the number of the line as people count, 0 for the document itself.
    :param ours, theirs: '' for what is not there.
    """

    field: str
    line: int
    ours: str
    theirs: str


def document_of(data):
    """What is compared of an invoice (a DTO), as plain JSON; every value a text, '' for what is not there.

    Of what is sent: :meth:`~.providers.base.AccountingProvider.as_kept` first.
    """
    return {
        'number': data.number,
        'contact': data.contact_external_id,
        'contact_name': data.contact_name,
        'project': data.project_external_id,
        'date': data.date.isoformat() if data.date else '',
        'due_date': data.due_date.isoformat() if data.due_date else '',
        'reference': _words(data.reference),
        'currency': data.currency,
        'rate': _plain(data.currency_rate),
        'untaxed': amount_text(data.totals.untaxed),
        'tax': amount_text(data.totals.tax),
        'total': amount_text(data.totals.total),
        'status': data.status,
        'lines': [_line_of(line) for line in data.lines],
    }


def _line_of(line):
    if line.is_text:
        return {'id': line.external_id, 'is_text': True, 'description': _words(line.description)}
    return {
        'id': line.external_id,
        'is_text': False,
        'description': _words(line.description),
        'item': line.item_code or line.item_external_id,
        'quantity': _plain(line.quantity),
        'unit_price': _plain(line.unit_price),
        'discount': _plain(line.discount) or '0',
        'account': line.account,
        'tax_code': line.tax_code,
        'tax': amount_text(line.tax_amount),
        'amount': amount_text(line.amount),
        # What only the books say of it is somebody's own there.
        **({'categories': CATEGORY_JOINT.join(line.categories)} if line.categories else {}),
    }


def _words(text):
    """Blanks and line breaks are kept in different ways."""
    return ' '.join((text or '').split())


def _plain(number):
    if number is None:
        return ''
    return f'{number.normalize():f}' if number else '0'


def document_differences(ours, theirs, but=()):
    """What tells two documents (of :func:`document_of`) apart: a list of :class:`Difference`.

    What ours has must be there, and be the same: an absent field counts as different. What only the books have is a
    difference where people would write it (the reference); what they add by themselves (a number, a rate, the account
    of a product) is none.

    :param but: fields that are left out.
    """
    found = [
        Difference(name, 0, ours.get(name) or '', theirs.get(name) or '')
        for name in HEADER
        if name in ours and name not in but and not _is_same(name, ours, theirs)
    ]
    if 'lines' not in ours or 'lines' in but:
        return found
    if len(ours['lines']) != len(theirs.get('lines') or ()):
        found.append(Difference('lines', 0, str(len(ours['lines'])), str(len(theirs.get('lines') or ()))))
        return found
    for place, (own, other) in enumerate(zip(ours['lines'], theirs['lines'], strict=True), 1):
        if own['is_text'] != other['is_text']:
            found.append(Difference('kind', place, own['description'], other['description']))
            continue
        found += [
            Difference(name, place, own[name], other.get(name) or '')
            for name in LINE
            if own.get(name) and own[name] != (other.get(name) or '')
        ]
    return found


def _is_same(name, ours, theirs):
    own, other = ours.get(name) or '', theirs.get(name) or ''
    if name == 'contact':
        # A document of a project is addressed to the project, which is a part of the customer.
        return other in (own, ours.get('project') or own)
    if name == 'status':
        # Who approved a draft or took the money did not change the document.
        return other not in VOID_STATUSES and (own == 'draft' or other != 'draft')
    if name == 'rate':
        if not own or not other:
            return not own
        return abs(Decimal(own) - Decimal(other)) <= Decimal(own) * RATE_TOLERANCE
    if name in ('number', 'due_date') and not own:
        return True
    return own == other


def with_categories(lines, there, agreed):
    """Lines (DTOs with the ids of :func:`with_line_ids`) with the categories that a change has to carry where Odoo says
    nothing of them: what came from Odoo and is no more goes; what somebody else said in the books stays.

    :param there, agreed: the lines as the books last told, and as both sides agreed.
    """
    told = {line['id']: line.get('categories') or '' for line in there if line.get('id')}
    # Both agreed line by line; what was agreed before somebody changed the lines there says nothing of these.
    pairs = zip(there, agreed, strict=True) if len(there) == len(agreed) else ()
    ours = {line.get('id'): own.get('categories') or '' for line, own in pairs}

    def of(line):
        if line.is_text or line.categories is not None or line.external_id not in told:
            return line
        found = told[line.external_id]
        if found and found != ours.get(line.external_id):
            return replace(line, categories=tuple(found.split(CATEGORY_JOINT)))
        return replace(line, categories=()) if found else line

    return tuple(map(of, lines))


def differences_hash(differences):
    """To tell whether a document differs in the same way as before."""
    told = [(one.field, one.line, one.ours, one.theirs) for one in differences]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest() if told else ''


def with_line_ids(lines, there, kept=()):
    """Lines (DTOs) with the ids that they have in the books, so that a change keeps them: what is left out there is
    deleted and made anew.

    :param there: the lines of a document of :func:`document_of`.
    :param kept: the same lines as the books will keep them, which is how those of the books read.

    The same line first, then one of the same words, of the same product, then the next one; a text never
    becomes an amount.
    """
    own = [_line_of(line) for line in kept or lines]
    ids, left = [''] * len(own), [line for line in there if line.get('id')]

    def give(is_alike):
        for place, line in enumerate(own):
            if ids[place]:
                continue
            for other in left:
                if other['is_text'] == line['is_text'] and is_alike(line, other):
                    ids[place] = other['id']
                    left.remove(other)
                    break

    told = ('description', 'item', 'quantity', 'unit_price')
    give(lambda line, other: all((line.get(name) or '') == (other.get(name) or '') for name in told))
    give(lambda line, other: line['description'] == other['description'])
    give(lambda line, other: line.get('item') and line['item'] == other.get('item'))
    give(lambda _line, _other: True)
    return tuple(replace(line, external_id=ids[place]) for place, line in enumerate(lines))
