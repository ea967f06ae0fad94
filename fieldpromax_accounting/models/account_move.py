from decimal import ROUND_HALF_UP, Decimal

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL, format_date

from ..comparison import VOID_STATUSES
from ..providers import dto
from .fieldpromax_link import DOCUMENT_KINDS
from .fieldpromax_sync_mixin import FieldpromaxSyncMixin

# A document has one of these states towards the books; ux.md gives each its word and colour.
MOVE_STATES = [
    ('waiting', 'Waiting'),
    ('sending', 'Sending'),
    ('retrying', 'Retrying'),
    ('attention', 'Needs attention'),
    ('sent', 'Sent'),
    ('not_sent', 'Not sent'),
]
EXCHANGE_TO_MOVE_STATE = {
    'queued': 'waiting',
    'sending': 'sending',
    'retry': 'retrying',
    'uncertain': 'retrying',
    'blocked': 'attention',
}


def decimal_of(amount, digits):
    """Odoo's float as the decimal that people see, ``digits`` after the point."""
    return Decimal(repr(amount)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


class AccountMove(models.Model):
    _name = 'account.move'
    _inherit = ['account.move', 'fieldpromax.sync.mixin']

    _fieldpromax_kind = 'invoice'
    _fieldpromax_states = EXCHANGE_TO_MOVE_STATE
    _fieldpromax_described = (*FieldpromaxSyncMixin._fieldpromax_described, 'can_void', 'badge')

    fieldpromax_do_not_sync = fields.Boolean(
        'Keep out of the books',
        copy=False,
        help='This invoice is never sent to the connected accounting software.',
    )
    fieldpromax_state = fields.Selection(
        MOVE_STATES,
        'Accounting state',
        compute='_compute_fieldpromax_state',
        search='_search_fieldpromax_state',
        compute_sudo=True,
        groups='base.group_user',
    )
    fieldpromax_badge = fields.Selection(
        [*MOVE_STATES, ('verified', 'Verified')],
        'Books',
        compute='_compute_fieldpromax_state',
        compute_sudo=True,
        groups='base.group_user',
        help='The accounting state, and whether every field was compared with the books and agreed.',
    )
    fieldpromax_can_void = fields.Boolean(
        compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )

    # === COMPUTE METHODS === #

    @api.depends('state', 'move_type', 'company_id', 'invoice_date', 'fieldpromax_do_not_sync')
    def _compute_fieldpromax_state(self):
        """In batch, from the links and live exchanges of each move's own company's connection."""
        sale_documents = self.filtered(lambda move: move.is_sale_document(include_receipts=True))
        (self - sale_documents)._fieldpromax_set_state()
        for company, moves in sale_documents.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            links = self.env['fieldpromax.link']._of(connection, moves) if connection else {}
            exchanges = moves._fieldpromax_live_exchanges(connection) if connection else {}
            # Asks the database several questions, and the answer is the same for all.
            silence = connection._silence_reason() if connection else ''
            for move in moves:
                move._fieldpromax_describe(connection, links.get(move.id), exchanges.get(move.id), silence)

    def _fieldpromax_set_state(self, state=False, **values):
        return super()._fieldpromax_set_state(state, **{'badge': state, **values})

    def _fieldpromax_describe(self, connection, link, exchange, silence):
        """State, reason and next step of one sale document; ``silence``: why nothing goes to the books at all."""
        if not connection:
            self._fieldpromax_set_state(
                'not_sent',
                reason=self.env._('No accounting software is connected.'),
                headline=self.env._('Not sent'),
            )
            return
        provider = connection._provider_label()
        shared = {'provider_label': provider, 'external_id': link.external_id if link else False}
        if exchange:
            state = EXCHANGE_TO_MOVE_STATE[exchange.state]
            reason = exchange.reason or silence or ''
            if exchange.state != 'blocked' and silence:
                reason = self.env._('It waits: %s', silence)
            self._fieldpromax_set_state(
                state,
                reason=reason,
                headline=self._fieldpromax_headline_of(provider, state, exchange),
                can_retry=exchange.can_retry,
                issue_id=exchange.issue_id.id,
                **shared,
            )
        elif link and self.state == 'posted':
            self._fieldpromax_describe_sent(connection, link, shared)
        elif link and self.state == 'cancel' and link.external_status in VOID_STATUSES:
            self._fieldpromax_set_state(
                'not_sent',
                reason=self.env._('It is cancelled here and void in %s.', provider),
                headline=self.env._('%s: Voided', provider),
                **shared,
            )
        elif link:
            what = self.env._('a draft') if self.state == 'draft' else self.env._('cancelled')
            reason = self.env._(
                'Changed after it was sent: it is %(what)s here and stands in %(provider)s as %(number)s. '
                'Post it again, and what changed goes over; cancel or delete it, and it is voided there.',
                what=what,
                provider=provider,
                number=link.external_number or '',
            )
            self._fieldpromax_set_state(
                'attention',
                reason=reason,
                headline=self.env._('%s: Needs attention', provider),
                can_void=self.state == 'cancel' and not connection._why_no_void(),
                **shared,
            )
        else:
            reason = self._fieldpromax_why_not(connection) or silence
            can_push = not self._fieldpromax_why_not(connection, forced=True)
            if not reason:
                reason = self._fieldpromax_why_not_yet(connection)
            self._fieldpromax_set_state(
                'not_sent',
                reason=reason,
                headline=self.env._('%(provider)s: Not sent', provider=provider),
                can_push=can_push,
                **shared,
            )

    def _fieldpromax_headline_of(self, provider, state, exchange):
        if state == 'retrying' and exchange.next_attempt_at:
            at = fields.Datetime.context_timestamp(self, exchange.next_attempt_at)
            return self.env._(
                '%(provider)s: Retrying at %(time)s', provider=provider, time=at.strftime('%H:%M')
            )
        label = dict(self._fields['fieldpromax_state']._description_selection(self.env))[state]
        return f'{provider}: {label}'

    def _fieldpromax_why_not_yet(self, connection):
        """It may be sent, but nothing has asked for it."""
        if connection.push_trigger == 'manual':
            return self.env._('Invoices are sent by hand: use "Push to accounting".')
        if connection.push_trigger == 'sent' and not self.is_move_sent:
            return self.env._('It is sent to the books when it is sent to the customer.')
        return self.env._('It is queued at the next hourly check, or at once with "Push to accounting".')

    # === SEARCH METHODS === #

    def _search_fieldpromax_state(self, operator, value):
        if operator != 'in':
            return NotImplemented
        domains = [self._fieldpromax_state_domain(state) for state in value if state]
        return (
            Domain.OR(domains)
            if domains
            else Domain(self._fields['move_type'].name, 'not in', self.get_sale_types(True))
        )

    def _fieldpromax_state_domain(self, state):
        """Domain of the moves in one state: subqueries on links and live exchanges of active connections."""
        sale = Domain('move_type', 'in', self.get_sale_types(include_receipts=True))
        live = self._fieldpromax_subquery('exchange', list(EXCHANGE_TO_MOVE_STATE))
        linked = self._fieldpromax_subquery('link')
        # Void in the books and cancelled here: both agree that it counts no more.
        void = Domain('state', '=', 'cancel') & Domain(
            'id', 'in', self._fieldpromax_subquery('link', VOID_STATUSES, 'external_status')
        )
        if state == 'sent':
            return (
                sale
                & Domain('state', '=', 'posted')
                & Domain('id', 'in', linked)
                & Domain('id', 'not in', live)
            )
        if state == 'not_sent':
            return sale & (Domain('id', 'not in', linked) | void) & Domain('id', 'not in', live)
        states = [name for name, move_state in EXCHANGE_TO_MOVE_STATE.items() if move_state == state]
        found = Domain('id', 'in', self._fieldpromax_subquery('exchange', states))
        if state == 'attention':
            found |= (
                Domain('id', 'in', linked)
                & Domain('state', '!=', 'posted')
                & Domain('id', 'not in', live)
                & ~void
            )
        return sale & found

    # === HOOKS === #

    def _post(self, soft=True):
        posted = super()._post(soft)
        posted._fieldpromax_queue_if('posted')
        return posted

    def write(self, vals):
        result = super().write(vals)
        if vals.get('is_move_sent'):
            self._fieldpromax_queue_if('sent')
        return result

    def _fieldpromax_queue(self, event):
        moves = self.filtered(lambda move: move.move_type in DOCUMENT_KINDS and move.state == 'posted')
        for company, documents in moves.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            if not connection:
                continue
            linked = self.env['fieldpromax.link']._of(connection, documents)
            chosen = documents.filtered(
                lambda move: (
                    move.id in linked  # noqa: B023 used at once
                    or (
                        connection.push_trigger != 'manual'  # noqa: B023
                        and (event == 'sent' or connection.push_trigger == 'posted')  # noqa: B023
                        and not move._fieldpromax_why_not(connection)  # noqa: B023
                    )
                )
            )
            if event == 'sent':
                chosen = chosen.filtered(lambda move: move.id not in linked)  # noqa: B023
            if chosen:
                chosen._fieldpromax_enqueue(connection)
                connection._trigger_push()

    def _fieldpromax_enqueue(self, connection, **options):
        """Queue these documents, each as what it is; whoever calls wakes the push cron."""
        for move_type, moves in self.grouped('move_type').items():
            self.env['fieldpromax.exchange'].sudo()._enqueue(
                connection, DOCUMENT_KINDS[move_type], moves, **options
            )

    # === ACTIONS === #

    def action_fieldpromax_push(self):
        """Send these invoices now, whatever the start date and the trigger say. Drafts are never sent."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_user'):
            raise AccessError(self.env._('Only people who work with invoices can send them to the books.'))
        self.check_access('read')
        queued, skipped = self.browse(), {}
        for company, moves in self.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            for move in moves:
                why_not = (
                    move.sudo()._fieldpromax_why_not(connection, forced=True)
                    if connection
                    else self.env._('No accounting software is connected.')
                )
                if not why_not and move.fieldpromax_state == 'sent':
                    why_not = self.env._('It is in the books already.')
                if why_not:
                    skipped.setdefault(why_not, []).append(move.display_name)
                else:
                    queued |= move
            chosen = moves & queued
            if chosen:
                chosen.sudo()._fieldpromax_enqueue(connection, forced=True)
                connection._trigger_push()
        refusals = self._fieldpromax_tell_skipped(skipped)
        message = ''
        if queued:
            message = queued._fieldpromax_on_its_way()
        return self._fieldpromax_tell_queued(message, refusals)

    def _fieldpromax_on_its_way(self):
        """So many documents were queued, in words."""
        count, notes = len(self), self.filtered(lambda move: move.move_type == 'out_refund')
        if not notes:
            return (
                self.env._('1 invoice is on its way.')
                if count == 1
                else self.env._('%s invoices are on their way.', count)
            )
        if notes == self:
            return (
                self.env._('1 credit note is on its way.')
                if count == 1
                else self.env._('%s credit notes are on their way.', count)
            )
        return self.env._('%s invoices and credit notes are on their way.', count)

    def _fieldpromax_tell_skipped(self, skipped):
        """Sentences about what is not sent, one a reason. ``skipped``: ``{reason: [names]}``."""
        sentences = []
        for reason, names in list(skipped.items())[:5]:
            told = ', '.join(names[:3])
            if len(names) > 3:
                told = self.env._('%(names)s and %(count)s more', names=told, count=len(names) - 3)
            sentences.append(self.env._('Not sent: %(names)s. %(reason)s', names=told, reason=reason))
        return sentences

    def action_fieldpromax_void(self):
        """Void in the books what is cancelled here."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_user'):
            raise AccessError(self.env._('Only people who work with invoices can void them in the books.'))
        self.check_access('write')
        for company, moves in self.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            if (
                reason := connection._why_no_void()
                if connection
                else self.env._('No accounting software is connected.')
            ):
                raise UserError(reason)
            if any(not move.fieldpromax_can_void for move in moves):
                raise UserError(
                    self.env._('Only cancelled invoices that still count in the books can be voided there.')
                )
            moves.sudo()._fieldpromax_enqueue(connection, void=True)
            connection._trigger_push()
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    # === WHAT GOES OVER === #

    def _fieldpromax_company(self, connection):
        """The company that an exchange or link of this document carries."""
        return self.company_id

    def _fieldpromax_why_not(self, connection, forced=False):
        """Why this document is not to be sent, as a sentence; '' when it is. ``forced``: somebody asked for it."""
        self.ensure_one()
        return next(self._fieldpromax_reasons_against(connection, forced), '')

    def _fieldpromax_reasons_against(self, connection, forced=False, as_posted=False):
        """Every reason not to send this document, as sentences, the most telling one first.

        :param as_posted: what would stand against it once it is confirmed.
        """
        self.ensure_one()
        is_refund = self.move_type == 'out_refund'
        if self.move_type == 'out_receipt':
            yield self.env._('Receipts are not sent.')
        elif self.move_type not in DOCUMENT_KINDS:
            yield self.env._('Only customer invoices and credit notes are sent.')
        if self.state == 'draft' and not as_posted:
            yield (
                self.env._('Draft credit notes are never sent. Confirm it first.')
                if is_refund
                else self.env._('Draft invoices are never sent. Confirm it first.')
            )
        if self.state == 'cancel':
            yield (
                self.env._('Cancelled credit notes are not sent.')
                if is_refund
                else self.env._('Cancelled invoices are not sent.')
            )
        if self.fieldpromax_do_not_sync:
            yield self.env._('It is marked to be kept out of the books.')
        if self.commercial_partner_id.fieldpromax_do_not_sync:
            yield self.env._(
                'The customer "%s" is marked not to be synchronised.', self.commercial_partner_id.name
            )
        currencies = (connection.organization_currencies or '').split(',')
        if connection.organization_currencies and self.currency_id.name not in currencies:
            yield self.env._(
                '%(organization)s does not use the currency %(currency)s. Add it in %(provider)s, then use "Read '
                'again" under Mappings.',
                organization=connection.organization_name,
                currency=self.currency_id.name,
                provider=connection._provider_label(),
            )
        if not forced and not connection._sends_journal(self.journal_id):
            yield self.env._(
                'Invoices of the journal "%s" are not sent: other journals are chosen on the connection. Use "Push to '
                'accounting" to send it all the same.',
                self.journal_id.name,
            )
        if not forced and self.invoice_date and self.invoice_date < connection.start_date:
            yield self.env._(
                'It is dated before the start date %s. Use "Push to accounting" to send it all the same.',
                format_date(self.env, connection.start_date),
            )

    @api.model
    def _fieldpromax_sweep_domain(self, connection):
        """Posted documents in scope that have neither a link nor a live exchange of this connection."""
        known = SQL(
            """(SELECT move_id FROM fieldpromax_link WHERE connection_id = %(connection)s AND move_id IS NOT NULL
                UNION ALL
                SELECT move_id FROM fieldpromax_exchange WHERE connection_id = %(connection)s AND move_id IS NOT NULL
                   AND state IN %(live)s)""",
            connection=connection.id,
            live=tuple(EXCHANGE_TO_MOVE_STATE),
        )
        domain = Domain(
            [
                ('move_type', 'in', list(DOCUMENT_KINDS)),
                ('state', '=', 'posted'),
                ('company_id', 'in', connection._served_companies().ids),
                ('invoice_date', '>=', connection.start_date),
                ('fieldpromax_do_not_sync', '=', False),
                ('commercial_partner_id.fieldpromax_do_not_sync', '=', False),
                ('id', 'not in', known),
            ]
        )
        if connection.push_journal_ids:
            domain &= Domain('journal_id', 'in', connection.push_journal_ids.ids)
        if connection.organization_currencies:
            domain &= Domain('currency_id.name', 'in', connection.organization_currencies.split(','))
        if connection.push_trigger == 'sent':
            domain &= Domain('is_move_sent', '=', True)
        return domain

    def _fieldpromax_prepare(self, connection, resolver, contact, items):
        """This invoice or credit note as the provider layer takes it, in document currency.

        :param contact: the customer's link.
        :param items: ``{product id: link}`` of the products that are in the books.
        :raise Hold: an account or tax has no counterpart yet.
        """
        self.ensure_one()
        move = self.with_context(lang=self.partner_id.lang or self.env.user.lang)
        digits = self.currency_id.decimal_places
        base_lines, _tax_lines = self._get_rounded_base_and_tax_lines()
        details = {line['record']: line['tax_details'] for line in base_lines}
        term = resolver.term(self.invoice_payment_term_id)
        tax_included = self._fieldpromax_is_tax_included()
        lines = []
        for line in move.line_ids.filtered(
            lambda line: (
                line.display_type in ('product', 'rounding', 'line_section', 'line_subsection', 'line_note')
            )
        ).sorted(lambda line: (line.sequence, line.id)):
            if line.display_type in ('line_section', 'line_subsection', 'line_note'):
                lines.append(dto.InvoiceLine(description=line.name or ''))
            else:
                lines.append(
                    line._fieldpromax_prepare_line(resolver, details[line], items, tax_included, digits)
                )
        number, own_number = self._fieldpromax_numbers(connection)
        is_refund = self.move_type == 'out_refund'
        return (dto.CreditNote if is_refund else dto.Invoice)(
            contact_external_id=contact.external_id,
            project_external_id=self._fieldpromax_project(connection),
            email=self.partner_id.email_normalized or self.commercial_partner_id.email_normalized or '',
            term=term.external_id if term and not is_refund else '',
            number=number,
            own_number=own_number,
            reference=self._fieldpromax_reference(connection),
            date=self.invoice_date,
            due_date=None if is_refund else self.invoice_date_due or self.invoice_date,
            currency=self.currency_id.name,
            currency_rate=self._fieldpromax_currency_rate(connection),
            status=connection.invoice_status if resolver.capabilities.invoice_drafts else 'approved',
            tax_included=tax_included,
            lines=tuple(lines),
            totals=dto.Totals(
                untaxed=decimal_of(self.amount_untaxed, digits),
                tax=decimal_of(self.amount_tax, digits),
                total=decimal_of(self.amount_total, digits),
            ),
        )

    def _fieldpromax_numbers(self, connection):
        """``(number, own number)`` as this invoice goes over: the first is empty where the books are to give one, the
        second where they need not be told of ours."""
        number = self.name or ''
        policy = connection._numbering()
        if policy == 'provider':
            return '', number
        if policy == 'prefix':
            return f'{connection.number_prefix or ""}{number}', ''
        return number, ''

    def _fieldpromax_reference(self, connection):
        """The customer's reference and, where that is wanted, who sold it."""
        salesperson = self.invoice_user_id.name if connection.tells_salesperson else ''
        return ' · '.join(filter(None, (self.ref, salesperson)))

    def _fieldpromax_project(self, connection):
        """External id of the project that this invoice belongs to, '' when it belongs to none.

        Projects are another addon's; it may raise a WaitFor or a Hold while the project is not in the books yet.
        """
        return ''

    def _fieldpromax_is_tax_included(self):
        """Do all taxed lines have prices that include their taxes? Mixed invoices go without."""
        taxes = self.invoice_line_ids.filtered(
            lambda line: line.display_type == 'product'
        ).tax_ids.flatten_taxes_hierarchy()
        return bool(taxes) and all(tax.price_include for tax in taxes)

    def _fieldpromax_currency_rate(self, connection):
        """Foreign units per unit of the base currency; None in the base currency."""
        if self.currency_id == connection.currency_id:
            return None
        return decimal_of(self.invoice_currency_rate, 6)
