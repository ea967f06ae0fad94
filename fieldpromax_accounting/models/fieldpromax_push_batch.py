from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from .fieldpromax_exchange import OPEN_PREDICATE, OPEN_STATES

# Rows of a batch go after everything that is asked for one by one: the invoice posted now does not wait for history.
BATCH_PRIORITY = 10
STATES = [
    ('running', 'Sending'),
    ('attention', 'Needs attention'),
    ('done', 'Done'),
    ('stopped', 'Stopped'),
]


class FieldpromaxPushBatch(models.Model):
    """Older invoices that somebody sent to the books together. How far it is, is told by its exchanges."""

    _name = 'fieldpromax.push.batch'
    _description = 'Sending of older invoices'
    _rec_name = 'scope_text'
    _order = 'id desc'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    currency_id = fields.Many2one(related='company_id.currency_id')
    scope_text = fields.Char('What', required=True, readonly=True)
    total_count = fields.Integer('Invoices', readonly=True)
    total_amount = fields.Monetary('Total', readonly=True)
    requested_by_id = fields.Many2one('res.users', 'Asked for by', readonly=True, ondelete='set null')
    stopped_by_id = fields.Many2one('res.users', 'Stopped by', readonly=True, ondelete='set null')
    stopped_at = fields.Datetime('Stopped on', readonly=True)
    exchange_ids = fields.One2many('fieldpromax.exchange', 'batch_id', readonly=True)
    sent_count = fields.Integer('Sent', compute='_compute_counts')
    waiting_count = fields.Integer('Waiting', compute='_compute_counts')
    attention_count = fields.Integer('Needs attention', compute='_compute_counts')
    not_sent_count = fields.Integer('Not sent', compute='_compute_counts')
    state = fields.Selection(STATES, compute='_compute_counts')
    progress = fields.Integer('Percent', compute='_compute_counts')
    status_text = fields.Char(compute='_compute_counts')
    can_stop = fields.Boolean(compute='_compute_counts')

    # === COMPUTE METHODS === #

    @api.depends_context('uid')
    @api.depends('stopped_at', 'exchange_ids.state')
    def _compute_counts(self):
        counts = {}
        for batch, state, count in (
            self.env['fieldpromax.exchange']
            .sudo()
            ._read_group([('batch_id', 'in', self.ids)], ['batch_id', 'state'], ['__count'])
        ):
            counts.setdefault(batch.id, {})[state] = count
        may = self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper')
        for batch in self:
            found = counts.get(batch.id, {})
            batch.sent_count = found.get('done', 0)
            batch.attention_count = found.get('blocked', 0)
            batch.not_sent_count = found.get('cancelled', 0)
            batch.waiting_count = sum(
                found.get(one, 0) for one in ('queued', 'sending', 'retry', 'uncertain')
            )
            batch.state = (
                'stopped'
                if batch.stopped_at
                else 'running'
                if batch.waiting_count
                else 'attention'
                if batch.attention_count
                else 'done'
            )
            over = batch.total_count - batch.waiting_count - batch.attention_count
            batch.progress = 100 * over // batch.total_count if batch.total_count else 100
            batch.can_stop = may and batch.state in ('running', 'attention')
            batch.status_text = batch._text()

    def _text(self):
        self.ensure_one()
        sentences = [self.env._('%(sent)s of %(total)s sent.', sent=self.sent_count, total=self.total_count)]
        if self.attention_count:
            sentences.append(
                self.env._('1 needs attention.')
                if self.attention_count == 1
                else self.env._('%s need attention.', self.attention_count)
            )
        if self.not_sent_count:
            sentences.append(
                self.env._('1 was not sent.')
                if self.not_sent_count == 1
                else self.env._('%s were not sent.', self.not_sent_count)
            )
        if self.state == 'running':
            sentences.append(self.env._('It goes on in the background. You can leave this page.'))
        return ' '.join(sentences)

    # === STARTING AND STOPPING === #

    @api.model
    def _start(self, connection, selection, scope_text):
        """Queue what is selected, in one statement, and wake the driver.

        :param selection: SQL of the columns ``id``, ``company_id``, ``name`` and ``day`` of the documents to send, none
            of which has a link or a live exchange.
        """
        batch = self.sudo().create(
            [
                {
                    'connection_id': connection.id,
                    'scope_text': scope_text,
                    'requested_by_id': self.env.uid,
                }
            ]
        )
        self.env['fieldpromax.exchange'].flush_model()
        self.env.cr.execute(
            SQL(
                """
                WITH queued AS (
                    INSERT INTO fieldpromax_exchange (connection_id, kind, move_id, role, company_id, record_name,
                           state, attempts, forced, batch_id, priority, requested_by_id, next_attempt_at, create_uid,
                           write_uid, create_date, write_date)
                    SELECT %(connection)s, CASE d.move_type WHEN 'out_refund' THEN 'credit_note' ELSE 'invoice' END,
                           s.id, '', s.company_id, s.name, 'queued', 0, TRUE, %(batch)s,
                           %(priority)s, %(uid)s, now() AT TIME ZONE 'UTC', %(uid)s, %(uid)s,
                           now() AT TIME ZONE 'UTC', now() AT TIME ZONE 'UTC'
                      FROM (%(selection)s) AS s
                      JOIN account_move d ON d.id = s.id
                     ORDER BY s.day, s.id
                    ON CONFLICT (connection_id, move_id) WHERE move_id IS NOT NULL AND %(open)s DO NOTHING
                    RETURNING move_id
                )
                SELECT count(*), COALESCE(sum(m.amount_total_signed), 0)
                  FROM queued q JOIN account_move m ON m.id = q.move_id
                """,
                connection=connection.id,
                batch=batch.id,
                priority=BATCH_PRIORITY,
                uid=self.env.uid,
                selection=selection,
                open=SQL(OPEN_PREDICATE),
            )
        )
        count, amount = self.env.cr.fetchone()
        self.env['fieldpromax.exchange'].invalidate_model()
        batch.write({'total_count': count, 'total_amount': amount})
        connection._trigger_push()
        return batch

    def action_stop(self):
        """What still waits is not sent; what is under way ends, and what was sent stays sent."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can stop this.'))
        self.check_access('read')
        going = self.filtered(lambda batch: batch.state in ('running', 'attention'))
        if not going:
            raise UserError(self.env._('It is over already. Reload the page.'))
        waiting = (
            self.env['fieldpromax.exchange']
            .sudo()
            .search([('batch_id', 'in', going.ids), ('state', 'in', OPEN_STATES)])
        )
        waiting._cancel(
            self.env._(
                '%s stopped the sending of older invoices. Use "Push to accounting" to send it all the same.',
                self.env.user.name,
            )
        )
        going.sudo().write({'stopped_at': fields.Datetime.now(), 'stopped_by_id': self.env.uid})
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def action_open_exchanges(self):
        """Each of them, with what became of it."""
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id(
            'fieldpromax_accounting.fieldpromax_exchange_action'
        )
        return {**action, 'domain': [('batch_id', '=', self.id)], 'context': {}}
