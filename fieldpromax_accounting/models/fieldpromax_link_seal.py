from itertools import zip_longest

from odoo import api, fields, models
from odoo.tools import float_compare, format_date, format_datetime, formatLang

from ..comparison import (
    CATEGORY_JOINT,
    HEADER,
    LINE,
    VOID_STATUSES,
    Difference,
    document_differences,
    document_of,
)

# Fields of a document that are amounts of its currency.
AMOUNTS = ('untaxed', 'tax', 'total', 'amount')


class FieldpromaxLink(models.Model):
    """What both sides last agreed on of a document, what the books last told, and whether that is the same."""

    # Only documents have a seal: kept apart from what every link has.
    _inherit = 'fieldpromax.link'  # pylint: disable=consider-merging-classes-inherited

    agreed_document = fields.Json(
        readonly=True, help='What both sides agreed on, field by field, as the books keep it.'
    )
    external_document = fields.Json(readonly=True, help='What the books last told, field by field.')
    external_due = fields.Float('Still due in the books', digits=(16, 4), readonly=True)
    read_at = fields.Datetime('Last read', readonly=True, help='When the books last told of it.')
    verified_at = fields.Datetime(
        'Verified', readonly=True, help='When every field was last compared with the books, and agreed.'
    )
    is_differing = fields.Boolean(
        readonly=True, help='It was changed in the books after both agreed, and nobody explained it.'
    )
    issue_ids = fields.One2many('fieldpromax.issue', 'link_id', 'Issues', readonly=True)
    explained_hash = fields.Char(readonly=True, help='Hash of the differences that were explained.')
    explanation = fields.Text(readonly=True)
    explained_by_id = fields.Many2one('res.users', readonly=True, ondelete='set null')
    explained_at = fields.Datetime(readonly=True)

    _differing_index = models.Index('(connection_id) WHERE is_differing')

    def _was_edited_there(self, remote):
        """Did somebody change the document in the books since both last agreed?

        :param remote: the document (a DTO) as it is there now.
        """
        self.ensure_one()
        known = (self.verified_at and self.agreed_document) or self.external_document
        if self.is_differing or self.explained_hash:
            return True
        if not known and not self.sent_hash:
            # Somebody typed it into both: what stands there was never ours.
            return True
        if known:
            return bool(document_differences(known, document_of(remote)))
        # Sent by a version that kept no more.
        return float_compare(self.external_total, float(remote.totals.total), precision_digits=2) != 0

    @api.model
    def _columns_of_document(self, remote):
        """What is stored of a document (a DTO) beside what is stored of everything."""
        return {
            'external_document': document_of(remote),
            'external_due': float(remote.amount_due or 0),
            'read_at': fields.Datetime.now(),
        }

    def _why_locked(self, but_own=False):
        """Why the books would not take a change, by what they last told; '' when they would as far as is known.

        :param but_own: what was allocated from here does not count: it is taken apart first, by itself.
        """
        self.ensure_one()
        if why := self._why_paid(but_own):
            return why
        connection = self.connection_id
        provider = connection._provider_label()
        day = (self.external_document or {}).get('date')
        day = fields.Date.to_date(day) if day else self.move_id.invoice_date
        if connection.organization_lock_date and day and day <= connection.organization_lock_date:
            return self.env._(
                'It is dated %(day)s, and the books in %(provider)s are closed up to %(lock)s.',
                day=format_date(self.env, day),
                provider=provider,
                lock=format_date(self.env, connection.organization_lock_date),
            )
        return ''

    def _why_paid(self, but_own=False):
        """The sentence that it is paid in the books, by what they last told; '' when it is not as far as is known.

        :param but_own: as of :meth:`_why_locked`.
        """
        self.ensure_one()
        provider, is_note = self.connection_id._provider_label(), self.kind == 'credit_note'
        left = self.external_due
        if but_own:
            allocated = self.env['fieldpromax.allocation']._standing(self.connection_id, self.move_id)
            left += sum(allocated.mapped('external_amount'))
        is_touched = float_compare(left, self.external_total, precision_digits=2) < 0
        if self.external_status == 'paid' and (is_touched or not but_own):
            return (
                self.env._('All of it is allocated or paid out in %s.', provider)
                if is_note
                else self.env._('It is paid in %s.', provider)
            )
        if self.read_at and self.external_status not in VOID_STATUSES and is_touched:
            return (
                self.env._('A part of it is allocated or paid out in %s.', provider)
                if is_note
                else self.env._('It is paid in part in %s, or a credit note is set against it.', provider)
            )
        return ''

    # === FOR PEOPLE === #

    @api.model
    def _field_labels(self):
        return {
            'number': self.env._('Number'),
            'contact': self.env._('Customer'),
            'date': self.env._('Date'),
            'due_date': self.env._('Due date'),
            'reference': self.env._('Reference'),
            'currency': self.env._('Currency'),
            'rate': self.env._('Rate'),
            'untaxed': self.env._('Untaxed amount'),
            'tax': self.env._('Tax'),
            'total': self.env._('Total'),
            'status': self.env._('Status'),
            'lines': self.env._('Number of lines'),
            'kind': self.env._('Kind of line'),
            'description': self.env._('Description'),
            'item': self.env._('Product'),
            'quantity': self.env._('Quantity'),
            'unit_price': self.env._('Price'),
            'discount': self.env._('Discount (%)'),
            'account': self.env._('Account'),
            'tax_code': self.env._('Tax rate'),
            'amount': self.env._('Amount'),
            'categories': self.env._('Tracking category or class'),
        }

    @api.model
    def _status_labels(self):
        return {
            'draft': self.env._('Draft'),
            'approved': self.env._('Approved'),
            'paid': self.env._('Paid'),
            'void': self.env._('Voided'),
            'deleted': self.env._('Deleted'),
        }

    @api.model
    def _readable(self, connection, differences, ours, theirs):
        """Differences as people read them: ``[(what, Odoo's value, value of the books)]``.

        :param ours, theirs: the documents (of ``comparison.document_of``).
        """
        labels, found = self._field_labels(), []
        for one in differences:
            label = labels[one.field]
            if one.line:
                label = self.env._('Line %(number)s, %(label)s', number=one.line, label=label)
            found.append(
                (
                    label,
                    self._readable_value(connection, one.field, one.ours, ours),
                    self._readable_value(connection, one.field, one.theirs, theirs),
                )
            )
        return found

    @api.model
    def _readable_value(self, connection, field, value, document):
        if not value:
            return ''
        if field == 'contact':
            return document.get('contact_name') or self._name_of(connection, 'contact', value)
        if field in ('date', 'due_date'):
            return format_date(self.env, value)
        if field in AMOUNTS:
            currency = self.env['res.currency'].search([('name', '=', document.get('currency'))], limit=1)
            return formatLang(self.env, float(value), currency_obj=currency or connection.currency_id)
        if field == 'status':
            return self._status_labels().get(value, value)
        if field == 'item':
            return self._name_of(connection, 'item', value)
        if field == 'categories':
            references = self.env['fieldpromax.reference'].search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'category'),
                    ('external_id', 'in', value.split(CATEGORY_JOINT)),
                ]
            )
            return ', '.join(references.mapped('display_name')) or value
        if field in ('account', 'tax_code'):
            reference = self.env['fieldpromax.reference'].search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'account' if field == 'account' else 'tax'),
                    '|',
                    ('external_id', '=', value),
                    ('code', '=', value),
                ],
                limit=1,
            )
            return reference.display_name or value
        return value

    @api.model
    def _name_of(self, connection, kind, external_id):
        """What a customer or product of the books is called; products may be told by their code."""
        link = self._by_external_id(connection, kind, [external_id])[:1]
        return link.external_name or link.record_name or external_id

    def _compared(self):
        """What was compared of the document, as people read it; what neither side has is left out.

        :return: ``[(what, Odoo's value, value of the books, whether they agree)]``
        """
        self.ensure_one()
        ours, theirs = self._agreed(), self.external_document or {}
        but = ('number',) if self.connection_id._numbers_in_books() else ()
        differing = {(one.field, one.line) for one in document_differences(ours, theirs, but)}
        shown = [Difference(name, 0, ours.get(name) or '', theirs.get(name) or '') for name in HEADER]
        pairs = zip_longest(ours.get('lines') or (), theirs.get('lines') or (), fillvalue={})
        for place, (own, other) in enumerate(pairs, 1):
            shown += [Difference(name, place, own.get(name) or '', other.get(name) or '') for name in LINE]
        # A discount of nothing says nothing, nor does the rate that the books keep for their own currency.
        shown = [
            one for one in shown if {one.ours, one.theirs} - {'', '0'} and (one.field != 'rate' or one.ours)
        ]
        readable = self._readable(self.connection_id, shown, ours, theirs)
        # Lines are not compared one by one where one side has more of them.
        by_line = ('lines', 0) not in differing
        return [
            (
                *texts,
                (one.field, one.line) not in differing
                and (not one.line or by_line or one.ours == one.theirs),
            )
            for one, texts in zip(shown, readable, strict=True)
        ]

    def _seal_text(self):
        """When and how the document was compared, or why it differs, in a sentence."""
        self.ensure_one()
        provider = self.connection_id._provider_label()
        if self.verified_at:
            return self.env._(
                'Read back from %(provider)s on %(time)s: all that Odoo sent is the same there.',
                provider=provider,
                time=format_datetime(self.env, self.verified_at, dt_format='short'),
            )
        if self.explained_hash:
            return self.env._(
                'It differs from %(provider)s, and %(person)s explained why on %(time)s: "%(note)s"',
                provider=provider,
                person=self.explained_by_id.name or self.env._('somebody'),
                time=format_datetime(self.env, self.explained_at, dt_format='short'),
                note=self.explanation,
            )
        return self.env._(
            'It was sent, and is compared when %s is looked over tonight; "Sync now" does it at once.',
            provider,
        )

    # === DRIFT === #

    def _drift_issue(self):
        """The open issue about what was changed in the books; empty when there is none."""
        self.ensure_one()
        return self.issue_ids.filtered(lambda issue: issue.cause == 'drift' and issue.state == 'open')[:1]

    def _end_drift(self):
        """Both sides agree again."""
        issues = self.env['fieldpromax.issue'].search(
            [('link_id', 'in', self.ids), ('cause', '=', 'drift'), ('state', '=', 'open')]
        )
        if issues:
            issues._solve()
