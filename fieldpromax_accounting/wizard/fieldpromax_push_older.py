from datetime import timedelta

from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.tools import SQL, format_date

from ..models.fieldpromax_exchange import LIVE_STATES
from ..models.fieldpromax_link import DOCUMENT_KINDS


class FieldpromaxPushOlder(models.TransientModel):
    """Ask which older invoices go to the books. Says how many and how much, and what is left out and why, before
    anything is queued."""

    _name = 'fieldpromax.push.older'
    _description = 'Send older invoices'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, readonly=True, ondelete='cascade'
    )
    company_id = fields.Many2one(related='connection_id.company_id')
    provider_label = fields.Char(related='connection_id.provider_label')
    currency_id = fields.Many2one(related='connection_id.company_id.currency_id')
    date_from = fields.Date(
        'From', required=True, compute='_compute_dates', store=True, readonly=False, precompute=True
    )
    date_to = fields.Date(
        'To', required=True, compute='_compute_dates', store=True, readonly=False, precompute=True
    )
    journal_ids = fields.Many2many(
        'account.journal',
        string='Journals',
        domain="[('type', '=', 'sale'), ('company_id', 'child_of', company_id)]",
        help='Empty: all sales journals.',
    )
    partner_ids = fields.Many2many('res.partner', string='Customers', help='Empty: all customers.')
    count = fields.Integer('Invoices to send', compute='_compute_numbers')
    amount = fields.Monetary('Total', compute='_compute_numbers')
    skipped_count = fields.Integer('Left out', compute='_compute_numbers')
    skipped_html = fields.Html('What is left out, and why', compute='_compute_numbers')
    mapping_text = fields.Char(related='connection_id.mapping_text')

    @api.depends('connection_id')
    def _compute_dates(self):
        for wizard in self:
            start = wizard.connection_id.start_date or fields.Date.today()
            wizard.date_to = start - timedelta(days=1)
            wizard.date_from = wizard.date_to.replace(month=1, day=1)

    @api.depends('connection_id', 'date_from', 'date_to', 'journal_ids', 'partner_ids')
    def _compute_numbers(self):
        for wizard in self:
            found = wizard._count()
            wizard.count, wizard.amount = found.pop('send', (0, 0.0))
            wizard.skipped_count = sum(count for count, _amount in found.values())
            wizard.skipped_html = wizard._as_table(found)

    # === WHAT GOES AND WHAT DOES NOT === #

    def _obstacles(self):
        """``[(name, condition, sentence)]``: why an invoice in this choice is not sent, the most telling one first, as
        :meth:`account.move._fieldpromax_reasons_against` says it of one that somebody asked for."""
        connection = self.connection_id.sudo()
        provider = connection._provider_label()
        obstacles = [
            (
                'linked',
                SQL(
                    'EXISTS (SELECT FROM fieldpromax_link l WHERE l.connection_id = %s AND l.move_id = m.id)',
                    connection.id,
                ),
                self.env._('They are in %s already.', provider),
            ),
            (
                'live',
                SQL(
                    """EXISTS (SELECT FROM fieldpromax_exchange x
                                WHERE x.connection_id = %s AND x.move_id = m.id AND x.state IN %s)""",
                    connection.id,
                    LIVE_STATES,
                ),
                self.env._('They wait to be sent already, or need attention.'),
            ),
            (
                'type',
                SQL('m.move_type NOT IN %s', tuple(DOCUMENT_KINDS)),
                self.env._('Receipts are not sent.'),
            ),
            ('draft', SQL("m.state = 'draft'"), self.env._('Drafts are never sent. Confirm them first.')),
            (
                'kept_out',
                SQL('COALESCE(m.fieldpromax_do_not_sync, FALSE)'),
                self.env._('They are marked to be kept out of the books.'),
            ),
            (
                'customer',
                SQL('COALESCE(p.fieldpromax_do_not_sync, FALSE)'),
                self.env._('Their customers are marked not to be synchronised.'),
            ),
        ]
        if connection.organization_currencies:
            obstacles.append(
                (
                    'currency',
                    SQL('c.name NOT IN %s', tuple(connection.organization_currencies.split(','))),
                    self.env._(
                        'They are in a currency that %(organization)s does not use. Add it in %(provider)s, then use '
                        '"Read again" under Mappings.',
                        organization=connection.organization_name,
                        provider=provider,
                    ),
                )
            )
        if connection.organization_lock_date:
            obstacles.append(
                (
                    'closed',
                    SQL('COALESCE(m.invoice_date, m.date) <= %s', connection.organization_lock_date),
                    self.env._(
                        'They are dated in a period that is closed in %(provider)s, up to %(date)s. Open it there to '
                        'send them.',
                        provider=provider,
                        date=format_date(self.env, connection.organization_lock_date),
                    ),
                )
            )
        return obstacles

    def _selection(self):
        """SQL of ``id``, ``company_id``, ``name``, ``day``, ``amount`` and ``reason`` ('send', or what stands against
        it) of the documents in this choice."""
        self.ensure_one()
        # Never those of a company that the person does not work in.
        companies = self.connection_id.sudo()._served_companies() & self.env.user.company_ids
        self.env['account.move'].flush_model()
        self.env['res.partner'].flush_model(['fieldpromax_do_not_sync'])
        self.env['fieldpromax.exchange'].flush_model()
        self.env['fieldpromax.link'].flush_model()
        cases = SQL(' ').join(
            SQL('WHEN %s THEN %s', condition, name) for name, condition, _text in self._obstacles()
        )
        journals = self.journal_ids.ids
        partners = self.partner_ids.commercial_partner_id.ids
        return SQL(
            """
            SELECT m.id, m.company_id, m.name, COALESCE(m.invoice_date, m.date) AS day, m.amount_total_signed AS amount,
                   CASE %(cases)s ELSE 'send' END AS reason
              FROM account_move m
              JOIN res_currency c ON c.id = m.currency_id
              LEFT JOIN res_partner p ON p.id = m.commercial_partner_id
             WHERE m.move_type IN ('out_invoice', 'out_refund', 'out_receipt') AND m.state IN ('draft', 'posted')
               AND m.company_id = ANY(%(companies)s)
               AND COALESCE(m.invoice_date, m.date) BETWEEN %(date_from)s AND %(date_to)s
               AND (%(all_journals)s OR m.journal_id = ANY(%(journals)s))
               AND (%(all_partners)s OR m.commercial_partner_id = ANY(%(partners)s))
            """,
            cases=cases,
            companies=companies.ids,
            date_from=self.date_from,
            date_to=self.date_to,
            all_journals=not journals,
            journals=journals,
            all_partners=not partners,
            partners=partners,
        )

    def _count(self):
        """``{reason: (how many, total in the company's currency)}``, in one statement."""
        if not self.date_from or not self.date_to:
            return {}
        self.env.cr.execute(
            SQL('SELECT reason, count(*), sum(amount) FROM (%s) AS s GROUP BY reason', self._selection())
        )
        return {reason: (count, float(amount or 0)) for reason, count, amount in self.env.cr.fetchall()}

    def _as_table(self, found):
        rows = Markup().join(
            Markup(
                '<tr><td class="text-end pe-3">%s</td><td class="text-end pe-3 text-nowrap">%s</td><td>%s</td></tr>'
            )
            % (found[name][0], self.currency_id.format(found[name][1]), text)
            for name, _condition, text in self._obstacles()
            if name in found
        )
        if not rows:
            return False
        return Markup('<table class="table table-sm mb-0"><tbody>%s</tbody></table>') % rows

    # === ACTIONS === #

    def action_start(self):
        """Queue them. The invoices that are posted meanwhile go first."""
        self.ensure_one()
        connection = self.connection_id._check_action(group='bookkeeper')
        if reason := connection._silence_reason():
            raise UserError(reason)
        if self.date_from > self.date_to:
            raise UserError(self.env._('The first day is after the last one. Choose the days anew.'))
        if not self._count().get('send'):
            raise UserError(
                self.env._('There is nothing to send in this choice. Choose other days or journals.')
            )
        selection = SQL("SELECT * FROM (%s) AS chosen WHERE reason = 'send'", self._selection())
        self.env['fieldpromax.push.batch']._start(connection, selection, self._scope_text())
        return self.connection_id.action_open_form()

    def _scope_text(self):
        sentences = [
            self.env._(
                '%(first)s to %(last)s',
                first=format_date(self.env, self.date_from),
                last=format_date(self.env, self.date_to),
            )
        ]
        if self.journal_ids:
            sentences.append(', '.join(self.journal_ids.mapped('name')))
        if self.partner_ids:
            names = self.partner_ids.mapped('name')
            told = ', '.join(names[:3])
            if len(names) > 3:
                told = self.env._('%(names)s and %(count)s more', names=told, count=len(names) - 3)
            sentences.append(told)
        return ' · '.join(sentences)
