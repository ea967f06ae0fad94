import logging
from collections import Counter, defaultdict
from decimal import Decimal

from odoo import Command, api, fields, models
from odoo.exceptions import UserError, ValidationError
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL, format_date

from ..comparison import amount_text
from ..holds import Hold
from ..providers import dto
from .account_move import decimal_of
from .fieldpromax_settlement import SAME_PAYMENT_DAYS

_logger = logging.getLogger(__name__)

# Payments whose invoices are read anew in one call.
DOCUMENTS_AT_ONCE = 50


class FieldpromaxBooksPayment(models.Model):
    """A payment of customer invoices as the books last told it, and what became of it here.

    It is kept before anything is made of it: what stands in the way today may be cured tomorrow, and it is then looked
    at again without being read again. One row for a payment, locked while it is looked at, so that two looks make one.
    """

    _name = 'fieldpromax.books.payment'
    _description = 'Payment in the books'
    _rec_name = 'name'
    _order = 'date desc, id desc'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    name = fields.Char('Invoices', readonly=True)
    external_id = fields.Char('ID in the books', required=True, readonly=True)
    external_version = fields.Char(readonly=True)
    external_status = fields.Char(readonly=True)
    date = fields.Date(readonly=True)
    currency_id = fields.Many2one('res.currency', readonly=True, ondelete='restrict')
    amount = fields.Monetary(readonly=True, help='What was paid, in the currency of the invoices.')
    credit = fields.Monetary(readonly=True, help='Credit of the customer that was applied along with it.')
    rate = fields.Float(
        digits=(18, 6),
        readonly=True,
        help="Units of the invoices' currency for one of the company's; 0: none.",
    )
    account_external_id = fields.Char(readonly=True)
    reference = fields.Char(readonly=True)
    applications = fields.Json(readonly=True, help='[[id of the invoice in the books, amount], …]')
    due_documents = fields.Json(
        readonly=True,
        help='Ids of the invoices that are to be read anew, because this changed what is due of them.',
    )
    state = fields.Selection(
        [
            ('waiting', 'To be looked at'),
            ('done', 'In Odoo'),
            ('attention', 'Needs attention'),
            ('foreign', 'Of no invoice here'),
            ('left', 'Left to the books'),
            ('gone', 'Removed'),
        ],
        required=True,
        default='waiting',
        index=True,
        readonly=True,
    )
    reason = fields.Char(readonly=True)
    issue_id = fields.Many2one(
        'fieldpromax.issue', index='btree_not_null', ondelete='set null', readonly=True
    )
    looked_run = fields.Integer(
        readonly=True,
        help='The run that looked at it last: the next one looks again at what needs attention.',
    )

    _external_unique = models.Constraint(
        'unique(connection_id, external_id)', 'This payment of the books is kept already.'
    )

    # === WHAT THE BOOKS TELL === #

    @api.model
    def _take_in(self, connection, records, gone):
        """Keep what a page tells of payments; what they mean is worked out by :meth:`_settle`.

        :param records: of :class:`~..providers.dto.Payment`
        :param gone: ids of payments that are not there any more; others may be among them.
        """
        ids = [*(record.external_id for record in records), *gone]
        rows = {row.external_id: row for row in self._of(connection, ids)}
        settled = self.env['fieldpromax.settlement']._by_payment(connection, ids)
        currencies = {
            currency.name: currency
            for currency in self.env['res.currency'].with_context(active_test=False).search([])
        }
        fresh = []
        for record in records:
            row, own = rows.get(record.external_id, self.browse()), settled.get(record.external_id)
            if not row and not own and not (record.active and record.amount and record.applications):
                # Of no invoice, of credit alone, or undone before it was ever heard of.
                continue
            values = self._told_values(record, currencies.get(record.currency))
            if not row and own and own._says_the_same(record):
                # Sent by us, and as it was sent.
                continue
            if not row:
                fresh.append({'connection_id': connection.id, 'external_id': record.external_id, **values})
            elif row._differs(values):
                documents = set(values['due_documents']) | {
                    document for document, _amount in row.applications or ()
                }
                row.write({**values, 'due_documents': sorted(documents), 'state': 'waiting'})
        for external_id in set(gone) - {record.external_id for record in records}:
            row, own = rows.get(external_id, self.browse()), settled.get(external_id)
            if row and row.external_status != 'deleted':
                documents = [document for document, _amount in row.applications or ()]
                row.write({'external_status': 'deleted', 'due_documents': documents, 'state': 'waiting'})
            elif own and not row:
                fresh.append(own._as_deleted())
        self.create(fresh)

    @api.model
    def _of(self, connection, external_ids):
        return self.search([('connection_id', '=', connection.id), ('external_id', 'in', external_ids)])

    @api.model
    def _told_values(self, record, currency):
        applications = [[document, amount_text(amount)] for document, amount in record.applications]
        return {
            'external_version': record.version,
            'external_status': record.status,
            'date': record.date,
            'currency_id': currency.id if currency else False,
            'amount': float(record.amount),
            'credit': float(record.credit),
            'rate': float(record.currency_rate or 0),
            'account_external_id': record.account,
            'reference': record.reference,
            'applications': applications,
            'due_documents': [document for document, _amount in record.applications],
        }

    def _differs(self, values):
        """Do the books say another thing than when it was last told? The version alone moves for less."""
        self.ensure_one()
        names = ('external_version', 'external_status', 'account_external_id', 'applications')
        return any((self[name] or '') != (values[name] or '') for name in names) or (
            fields.Date.to_date(values['date']) != (self.date or None)
        )

    def _applied(self):
        """``{id of the invoice in the books: amount as Decimal}``"""
        self.ensure_one()
        return {document: Decimal(amount) for document, amount in self.applications or ()}

    def _is_there(self):
        self.ensure_one()
        return self.external_status not in ('void', 'deleted')

    # === THE INVOICES THAT IT CONCERNS === #

    @api.model
    def _to_read(self, connection):
        """``(rows, ids of linked invoices)``: what is due of these changed, and they are to be read anew."""
        rows = self.search(
            [('connection_id', '=', connection.id), ('due_documents', '!=', False)], limit=DOCUMENTS_AT_ONCE
        )
        documents = {document for row in rows for document in row.due_documents or ()}
        links = self.env['fieldpromax.link']._by_external_id(connection, 'invoice', sorted(documents))
        if rows and not links:
            rows.due_documents = False
            return self._to_read(connection)
        return rows, links.mapped('external_id')

    @api.model
    def _take_documents(self, connection, rows, page):
        """What the books have of these invoices now is known here from now on, and not only from the next night on."""
        self.env.invalidate_all()
        self.env['fieldpromax.link']._note_documents(connection, 'invoice', page.records, page.gone)
        rows.due_documents = False

    # === WHAT BECOMES OF THEM === #

    @api.model
    def _settle(self, connection, run, limit):
        """Look at what is new, and again at what needed attention before this run; one bounded step.

        :return: ``(Counter of what came of it, whether there is more)``
        """
        self.env.invalidate_all()
        if connection._silence_reason() or not connection.pull_payments:
            return Counter(), False
        self._find_linked(connection)
        rows = self.search(
            [
                ('connection_id', '=', connection.id),
                '|',
                ('state', '=', 'waiting'),
                '&',
                ('state', '=', 'attention'),
                ('looked_run', '!=', run.id),
            ],
            order='date, id',
            limit=limit,
        )
        counts = Counter()
        for row in rows:
            counts[row._look(connection)] += 1
            row.looked_run = run.id
        return counts, len(rows) == limit

    @api.model
    def _find_linked(self, connection):
        """Payments of no invoice here, one of whose invoices was linked since."""
        self.flush_model()
        self.env['fieldpromax.link'].flush_model()
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_books_payment p SET state = 'waiting'
                 WHERE p.connection_id = %(connection)s AND p.state = 'foreign'
                   AND EXISTS (SELECT FROM jsonb_array_elements(p.applications) a
                                 JOIN fieldpromax_link l ON l.external_id = a ->> 0
                                WHERE l.connection_id = p.connection_id AND l.kind = 'invoice'
                                  AND l.move_id IS NOT NULL)
                """,
                connection=connection.id,
            )
        )
        self.invalidate_model(['state'])

    def _look(self, connection):
        """Work out what this payment means here, and do it. Whatever goes wrong concerns this payment alone.

        :return: the counter of the run that it counts for, or ''.
        """
        self.ensure_one()
        if not self.try_lock_for_update() or self.state not in ('waiting', 'attention'):
            return ''
        try:
            with self.env.cr.savepoint():
                outcome = self._follow(connection)
                self.env.flush_all()
        except Hold as hold:
            self._hold(connection, hold)
            return 'review'
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise
        except (UserError, ValidationError) as error:
            self.env.invalidate_all()
            self._hold(connection, self._refused_hold(connection, str(error)))
            return 'review'
        except Exception:
            _logger.exception('A payment of accounting connection %s could not be taken over', connection.id)
            self.env.invalidate_all()
            reason = self.env._(
                'The program met something it does not know. An administrator finds it in the server log.'
            )
            self._hold(connection, self._refused_hold(connection, reason))
            return 'review'
        return outcome

    def _follow(self, connection):
        """:return: as :meth:`_look`. :raise Hold: a person has to do something first."""
        settlements = (
            self.env['fieldpromax.settlement']
            ._by_payment(connection, [self.external_id])
            .get(self.external_id, self.env['fieldpromax.settlement'])
        )
        if not self._is_there():
            return self._follow_removal(connection, settlements)
        if settlements:
            return self._follow_known(connection, settlements)
        links = (
            self.env['fieldpromax.link']
            ._by_external_id(connection, 'invoice', list(self._applied()))
            .filtered('move_id')
        )
        self.name = ', '.join(links.move_id.mapped('name')) or False
        if not links:
            return self._end('foreign', self.env._('It pays no invoice that Odoo knows.'))
        return self._take_over(connection, links)

    # --- a payment that nothing here stands for --- #

    def _take_over(self, connection, links):
        applied = {link.move_id: self._applied()[link.external_id] for link in links}
        same = self.env['fieldpromax.settlement']._find_same(connection, self, applied)
        if same:
            same._adopt(connection, self._as_payment())
            return self._end(
                'done',
                self.env._('It was entered here as well: the two are taken for the same one.'),
                'linked',
            )
        provider = connection._provider_label()
        if self.credit:
            raise self._as_hold(
                'credit',
                self.env._('A payment of %s applies a credit along with it', self.name),
                self.env._(
                    '%(credit)s of it is no money but a credit of the customer in %(provider)s, which a payment in '
                    'Odoo cannot say.',
                    credit=self.currency_id.format(self.credit),
                    provider=provider,
                ),
                self.env._(
                    'Register the payment here by hand, and allocate the credit note to the invoice; the two are then '
                    'taken for the same. Or leave it to the books.'
                ),
                connection,
                applied,
            )
        for move, amount in applied.items():
            self._check_invoice(connection, move, amount, applied)
        journal = self._journal(connection, applied)
        self._check_day(connection, journal, applied)
        self._make(connection, journal, links, applied)
        if hold := self._rest_hold(connection, applied):
            # The invoices are right as they are now: a person is told of the rest.
            self._hold(connection, hold)
            return 'created'
        foreign = self.currency_id.round(float(sum(self._applied().values()) - sum(applied.values())))
        reason = self.env._('Entered in %s, registered here.', provider)
        if foreign > 0:
            reason = self.env._(
                'Entered in %(provider)s, registered here without the %(amount)s of it that pay invoices which Odoo '
                'does not know.',
                provider=provider,
                amount=self.currency_id.format(foreign),
            )
        return self._end('done', reason, 'created')

    def _rest_hold(self, connection, applied):
        """What the customer paid more than the invoices, as a :class:`Hold`; None without."""
        rest = self.currency_id.round(self.amount + self.credit - float(sum(self._applied().values())))
        if rest <= 0:
            return None
        return self._as_hold(
            'overpayment',
            self.env._('%s was overpaid', self.name),
            self.env._(
                'The customer paid %(rest)s more than the invoices; in %(provider)s it is an overpayment, a credit of '
                'the customer. Odoo has the payment without it.',
                rest=self.currency_id.format(rest),
                provider=connection._provider_label(),
            ),
            self.env._(
                'If the rest is to count in Odoo, register it here as a payment of the customer without an invoice. '
                'Then use "Leave it there".'
            ),
            connection,
            applied,
        )

    def _check_invoice(self, connection, move, amount, applied):
        """:raise Hold: the payment cannot be registered on this invoice."""
        provider = connection._provider_label()
        if move.company_id not in connection._served_companies():
            raise self._as_hold(
                'invoice',
                self.env._('A payment of %s came for another company', move.name),
                self.env._(
                    'The invoice belongs to %(company)s, which these books do not stand for any more.',
                    company=move.company_id.name,
                ),
                self.env._('Register the payment in that company by hand, or leave it to the books.'),
                connection,
                applied,
            )
        if move.state != 'posted':
            raise self._as_hold(
                'invoice',
                self.env._(
                    'A payment came for %s, which is not posted', move.name or self.env._('an invoice')
                ),
                self.env._(
                    'It was paid in %(provider)s while it is %(state)s here.',
                    provider=provider,
                    state=self.env._('cancelled') if move.state == 'cancel' else self.env._('a draft'),
                ),
                self.env._(
                    'Post the invoice; the payment is then registered by itself. If the invoice is not to count, '
                    'remove the payment in %s.',
                    provider,
                ),
                connection,
                applied,
            )
        if self.currency_id != move.currency_id:
            raise self._as_hold(
                'invoice',
                self.env._('A payment of %s is in another currency', move.name),
                self.env._('The invoice is in %(currency)s here.', currency=move.currency_id.name),
                self.env._('Register the payment here by hand, or leave it to the books.'),
                connection,
                applied,
            )
        left = self.env['fieldpromax.settlement']._left_to_pay(connection, move)
        if move.currency_id.compare_amounts(float(amount), left) > 0:
            raise self._as_hold(
                'overpays',
                self.env._(
                    'A payment in %(provider)s is more than %(name)s takes', provider=provider, name=move.name
                ),
                self.env._(
                    '%(amount)s was paid there on %(day)s, and only %(left)s is left to pay here.',
                    amount=move.currency_id.format(float(amount)),
                    day=format_date(self.env, self.date),
                    left=move.currency_id.format(left),
                ),
                self.env._(
                    'If it is a payment that Odoo has already, leave it there or remove it in %s. Otherwise '
                    'unreconcile here what was entered wrongly; it is then registered by itself.',
                    provider,
                ),
                connection,
                applied,
            )

    def _journal(self, connection, applied):
        """The journal of the account that the money is on.

        :raise Hold: there is none, or its payments are entered in Odoo.
        """
        provider = connection._provider_label()
        moves = self.env['account.move'].union(*applied)
        rows = self.env['fieldpromax.mapping'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'payment_account'),
                ('state', '=', 'confirmed'),
                ('reference_id.external_id', '=', self.account_external_id),
                ('journal_id.active', '=', True),
            ]
        )
        companies = moves.company_id
        if len(companies) == 1:
            rows = rows.filtered(lambda row: row.journal_id.company_id in companies.parent_ids)
        else:
            rows = rows.browse()
        if not rows:
            account = self.env['fieldpromax.reference'].search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'payment_account'),
                    ('external_id', '=', self.account_external_id or ''),
                ],
                limit=1,
            )
            raise self._as_hold(
                'no_journal',
                self.env._(
                    'Payments on "%s" have no journal in Odoo', account.name or self.env._('another account')
                ),
                self.env._(
                    'A payment of %(names)s was entered in %(provider)s on an account that no journal stands for.',
                    names=self.name,
                    provider=provider,
                ),
                self.env._(
                    'Open Mappings and give the account to a journal whose payments are entered in the books, or '
                    'register the payments here by hand. They then go on by themselves.'
                ),
                connection,
                applied,
                key=f'account:{self.account_external_id}',
            )
        entered_there = rows.filtered(lambda row: row.owner == 'books')
        if not entered_there:
            raise self._as_hold(
                'ours',
                self.env._('Payments of "%s" were entered in the books', rows[:1].journal_id.name),
                self.env._(
                    'Payments of this journal are entered in Odoo, and one of %(names)s was entered in %(provider)s.',
                    names=self.name,
                    provider=provider,
                ),
                self.env._(
                    'Nothing is to be done if the bank statement or somebody enters it here within %(days)s days of '
                    'it: the two are then taken for the same. If payments of this journal are entered in %(provider)s, '
                    'say so under Mappings; they are then registered here by themselves.',
                    days=SAME_PAYMENT_DAYS.days,
                    provider=provider,
                ),
                connection,
                applied,
                key=f'journal:{rows[:1].journal_id.id}',
            )
        fitting = entered_there.filtered(
            lambda row: (
                (row.journal_id.currency_id or row.journal_id.company_id.currency_id) == self.currency_id
            )
        )
        return (fitting or entered_there)[:1].journal_id

    def _check_day(self, connection, journal, applied):
        """:raise Hold: Odoo takes nothing of that day any more; it is never dated otherwise."""
        company = self.env['account.move'].union(*applied).company_id
        locks = company._get_violated_lock_dates(self.date, False, journal)
        if not locks:
            return
        raise self._as_hold(
            'period',
            self.env._('A payment of %s lies in a closed period', self.name),
            self.env._(
                'It was entered in %(provider)s for %(day)s; Odoo is locked up to %(lock)s.',
                provider=connection._provider_label(),
                day=format_date(self.env, self.date),
                lock=format_date(self.env, max(day for day, _field in locks)),
            ),
            self.env._(
                'Open the period in Odoo, or date the payment after it in %s; it is then registered by itself. The '
                'date is never changed from here.',
                connection._provider_label(),
            ),
            connection,
            applied,
        )

    def _make(self, connection, journal, links, applied):
        """Register it: one payment for each customer and receivable account, one journal item for each invoice.

        The money is on the account that the journal's payment method names, or else on the bank account itself: where
        payments are entered in the books, no statement comes here.
        """
        documents = {link.move_id: link.external_id for link in links}
        parts = defaultdict(list)
        for move, amount in applied.items():
            rest = float(amount)
            receivable = move.line_ids.filtered(
                lambda line: line.account_type == 'asset_receivable' and not line.reconciled
            )
            for account, lines in receivable.grouped('account_id').items():
                part = move.currency_id.round(min(rest, sum(lines.mapped('amount_residual_currency'))))
                if part > 0:
                    parts[move.commercial_partner_id, account].append((move, lines, part))
                    rest = move.currency_id.round(rest - part)
        for (partner, account), of_partner in parts.items():
            payment = self._make_payment(connection, journal, partner, account, of_partner)
            self._note_made(connection, payment, documents)
            payment._message_log(
                body=self.env._(
                    'Entered in %(provider)s, and registered here from there.',
                    provider=connection._provider_label(),
                )
            )

    def _make_payment(self, connection, journal, partner, account, parts):
        company = parts[0][0].company_id
        method = (
            journal._get_available_payment_method_lines('inbound').filtered(
                lambda line: line.code == 'manual'
            )[:1]
            or journal._get_available_payment_method_lines('inbound')[:1]
        )
        outstanding = method.payment_account_id or journal.default_account_id
        total = self.currency_id.round(sum(part for _move, _lines, part in parts))
        memo = self.reference or self.name

        def balance_of(amount):
            if self.rate and company.currency_id == connection.currency_id:
                return company.currency_id.round(amount / self.rate)
            return self.currency_id._convert(amount, company.currency_id, company, self.date)

        balances = [balance_of(part) for _move, _lines, part in parts]
        common = {'partner_id': partner.id, 'currency_id': self.currency_id.id, 'name': memo}
        payment = (
            self.env['account.payment']
            .with_company(company)
            .create(
                {
                    'payment_type': 'inbound',
                    'partner_type': 'customer',
                    'partner_id': partner.id,
                    'company_id': company.id,
                    'journal_id': journal.id,
                    'payment_method_line_id': method.id,
                    'outstanding_account_id': outstanding.id,
                    'destination_account_id': account.id,
                    'currency_id': self.currency_id.id,
                    'amount': total,
                    'date': self.date,
                    'memo': memo,
                    'line_ids': [
                        Command.create(
                            {
                                **common,
                                'account_id': outstanding.id,
                                'amount_currency': total,
                                'balance': sum(balances),
                            }
                        ),
                        *(
                            Command.create(
                                {
                                    **common,
                                    'account_id': account.id,
                                    'amount_currency': -part,
                                    'balance': -balance,
                                }
                            )
                            for (_move, _lines, part), balance in zip(parts, balances, strict=True)
                        ),
                    ],
                }
            )
        )
        payment.action_post()
        counterparts = payment.move_id.line_ids.filtered(lambda line: line.account_id == account).sorted('id')
        for counterpart, (_move, lines, _part) in zip(counterparts, parts, strict=True):
            (counterpart | lines).reconcile()
        return payment

    def _note_made(self, connection, payment, documents):
        """The settlements of what was just made: in the same transaction, so that it is never sent back."""
        settlement_model = self.env['fieldpromax.settlement']
        moves = self.env['account.move'].union(*documents)
        for values in settlement_model._wanted_of(connection, moves).values():
            if values['payment_id'] != payment.id:
                continue
            move = moves.browse(values['move_id'])
            settlement_model.create(
                {
                    'connection_id': connection.id,
                    **values,
                    'external_id': self.external_id,
                    'document_external_id': documents[move],
                    'external_version': self.external_version,
                    'external_amount': values['amount'],
                    'origin': 'books',
                    'is_kept': True,
                    'is_made': True,
                    'is_compared': True,
                }
            )

    # --- a payment that something here stands for --- #

    def _follow_known(self, connection, settlements):
        """It is in Odoo already: does it still say the same on both sides?"""
        provider = connection._provider_label()
        moves = settlements.move_id
        self.name = self.name or ', '.join(moves.mapped('name')) or False
        if not any(settlements.mapped('amount')) and settlements[:1].origin == 'books':
            raise self._as_hold(
                'removed_here',
                self.env._('A payment of %s is in the books alone', self.name or self.env._('an invoice')),
                self.env._(
                    'It was entered in %(provider)s and registered here; here it was removed or unreconciled since, '
                    'and there it still counts.',
                    provider=provider,
                ),
                self.env._(
                    '"Take it again" registers it here once more; "Remove it there" deletes it in %(provider)s; or '
                    'leave it there.',
                    provider=provider,
                ),
                connection,
                dict.fromkeys(moves),
            )
        there = defaultdict(Decimal)
        for one in settlements:
            there[one.document_external_id] += decimal_of(one.external_amount, one.currency_id.decimal_places)
        made = all(settlements.mapped('is_made'))
        linked = self.env['fieldpromax.link']._by_external_id(connection, 'invoice', list(self._applied()))
        counted = {*there, *linked.filtered('move_id').mapped('external_id')}
        told = {document: amount for document, amount in self._applied().items() if document in counted}
        if told == dict(there) and not self._is_dated_otherwise(settlements):
            settlements.filtered(
                lambda one: one.external_version != self.external_version
            ).external_version = self.external_version
            if made and (hold := self._rest_hold(connection, dict.fromkeys(moves))):
                raise hold
            if made:
                return self._end('done', self.env._('Entered in %s, registered here.', provider))
            return self._end('done', self.env._('Odoo has it as well.'))
        if made and settlements._can_be_undone():
            settlements._undo_here(self.env._('It was changed in %s, and is registered anew.', provider))
            return self._follow(connection)
        raise self._as_hold(
            'changed',
            self.env._(
                'A payment of %(name)s was changed in %(provider)s', name=self.name, provider=provider
            ),
            self.env._(
                'Odoo has %(ours)s of it, dated %(day)s; %(provider)s has %(theirs)s, dated %(their_day)s.',
                ours=self.currency_id.format(sum(settlements.mapped('amount'))),
                day=format_date(self.env, settlements[:1].date),
                theirs=self.currency_id.format(float(sum(told.values()))),
                their_day=format_date(self.env, self.date),
                provider=provider,
            ),
            self.env._('Make both agree, here or in %s; it is then noticed by itself.', provider),
            connection,
            dict.fromkeys(moves),
        )

    def _is_dated_otherwise(self, settlements):
        """Of a payment that was made from the books, the day counts as well; of one that was taken for the same it may
        be some days off."""
        made = settlements.filtered('is_made')
        return bool(made) and any(one.date != self.date for one in made)

    def _follow_removal(self, connection, settlements):
        provider = connection._provider_label()
        counted = settlements.filtered('amount')
        if not counted:
            settlements._note_undone()
            return self._end('gone', self.env._('It was removed in %s.', provider))
        if all(counted.mapped('is_made')) and counted._can_be_undone():
            counted._undo_here(self.env._('It was removed in %s, and is cancelled here as well.', provider))
            (settlements - counted)._note_undone()
            return self._end('gone', self.env._('It was removed in %s, and cancelled here.', provider))
        raise self._as_hold(
            'removed_there',
            self.env._(
                'A payment of %(name)s was removed in %(provider)s',
                name=self.name or ', '.join(counted.move_id.mapped('name')),
                provider=provider,
            ),
            self.env._('Here it still pays the invoice, and there the invoice is open again.'),
            self.env._(
                'If the money never came, unreconcile the payment here. If it was removed by mistake, "Send it again" '
                'enters it there once more.'
            )
            if not any(counted.mapped('is_made'))
            else self.env._(
                'The bank statement or a lock date holds it here. If the money never came, unreconcile it and cancel '
                'the payment here; otherwise enter it in %s again, and leave this one there.',
                provider,
            ),
            connection,
            dict.fromkeys(counted.move_id),
        )

    # === WHAT A PERSON DECIDES === #

    def _take_again(self, connection):
        """Registered from the books once, removed or unreconciled here since, and wanted again: what is still posted
        settles the invoice again, anything else is made anew with the next pass."""
        for row in self:
            settlements = self.env['fieldpromax.settlement']._by_payment(connection, [row.external_id])
            lost = settlements.get(row.external_id, self.env['fieldpromax.settlement'])
            if lost._reconcile_again():
                row._look(connection)
            else:
                lost._note_undone()
                row.state = 'waiting'
        self.env['fieldpromax.doorbell']._ring_one(connection, {'payment'})

    def _as_payment(self):
        self.ensure_one()
        return dto.Payment(
            contact_external_id='',
            account=self.account_external_id or '',
            date=self.date,
            amount=sum(self._applied().values(), Decimal(0)),
            currency=self.currency_id.name,
            applications=tuple(self._applied().items()),
            external_id=self.external_id,
            version=self.external_version or '',
        )

    # === WHAT IS WRITTEN DOWN === #

    def _end(self, state, reason, counter=''):
        issue = self.issue_id
        self.write({'state': state, 'reason': reason, 'issue_id': False})
        issue._close_when_settled()
        return counter

    def _hold(self, connection, hold):
        """Somebody has to do something first: an issue, which closes by itself once that is done."""
        before = self.issue_id
        issue = self.env['fieldpromax.issue']._raise_for(connection, hold)
        self.write(
            {
                'state': 'attention',
                'reason': hold.title,
                'issue_id': issue.id,
            }
        )
        (before - issue)._close_when_settled()

    def _as_hold(self, cause, title, reason, remedy, connection, applied, key=None):
        moves = self.env['account.move'].union(*applied)
        return Hold(
            f'books_payment_{cause}',
            f'books_payment_{cause}:{key or self.external_id}',
            title,
            reason,
            remedy,
            can_retry=True,
            move_id=moves[:1].id,
        )

    def _refused_hold(self, connection, words):
        links = self.env['fieldpromax.link']._by_external_id(connection, 'invoice', list(self._applied()))
        names = self.name or ', '.join(links.move_id.mapped('name')) or self.external_id
        return self._as_hold(
            'refused',
            self.env._('A payment of %s could not be registered', names),
            self.env._('Odoo: "%s"', words),
            self.env._('Correct what it says, then try again; or register the payment here by hand.'),
            connection,
            dict.fromkeys(links.move_id),
        )
