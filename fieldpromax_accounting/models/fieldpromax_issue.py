from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..holds import Hold
from .fieldpromax_exchange import LIVE_STATES

# Causes that may be cured in the books without a trace in Odoo: what they hold up is tried again once an hour.
CURED_IN_THE_BOOKS = ('difference', 'changed_after_sent', 'gone', 'taken', 'refused')
LOOK_INTO_THE_BOOKS_EVERY = timedelta(hours=1)
# How many open issues one pass looks at, oldest look first: a pass stays short however many there are.
ISSUES_PER_PASS = 100


class FieldpromaxIssue(models.Model):
    """One cause in plain words, with its remedy and every exchange that it holds up. Solving it frees them all."""

    _name = 'fieldpromax.issue'
    _description = 'Accounting issue'
    _inherit = ['mail.thread', 'mail.activity.mixin']
    _rec_name = 'title'
    _order = 'state, id desc'  # open before solved
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    cause = fields.Char(required=True, readonly=True, help='What kind of cause this is, for the program.')
    cause_key = fields.Char(required=True, readonly=True, help='The cause itself: one open issue each.')
    title = fields.Char('What', required=True, readonly=True)
    reason = fields.Text('Why', readonly=True)
    remedy = fields.Text('What to do', required=True, readonly=True)
    can_retry = fields.Boolean(readonly=True, help='Trying again can help without changing anything first.')
    state = fields.Selection(
        [('open', 'Needs attention'), ('solved', 'Solved')],
        required=True,
        default='open',
        readonly=True,
        tracking=True,
    )
    solved_at = fields.Datetime(readonly=True)
    partner_id = fields.Many2one(
        'res.partner', 'Customer', index='btree_not_null', ondelete='set null', readonly=True
    )
    product_id = fields.Many2one(
        'product.product', index='btree_not_null', ondelete='set null', readonly=True
    )
    move_id = fields.Many2one(
        'account.move', 'Invoice', index='btree_not_null', ondelete='set null', readonly=True
    )
    mapping_id = fields.Many2one(
        'fieldpromax.mapping', index='btree_not_null', ondelete='set null', readonly=True
    )
    exchange_ids = fields.One2many('fieldpromax.exchange', 'issue_id', readonly=True)
    held_count = fields.Integer('Holds up', compute='_compute_held')
    held_names = fields.Char('Records', compute='_compute_held')
    tried_at = fields.Datetime(
        readonly=True,
        default=fields.Datetime.now,
        help='When what it holds up was last tried on the chance of a cure.',
    )
    looked_at = fields.Datetime(readonly=True, help='When the program last looked whether it is cured.')

    _open_unique = models.UniqueIndex("(connection_id, cause_key) WHERE state = 'open'")

    # === COMPUTE METHODS === #

    @api.depends('exchange_ids.state')
    def _compute_held(self):
        for issue in self:
            names = issue.exchange_ids.mapped('record_name')
            issue.held_count = len(names)
            issue.held_names = ', '.join(filter(None, names[:3]))
            if len(names) > 3:
                issue.held_names = self.env._(
                    '%(names)s and %(count)s more', names=issue.held_names, count=len(names) - 3
                )

    # === ACTIONS === #

    def action_retry(self):
        """Send everything that these issues hold up once more."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can work on issues.'))
        self.check_access('write')
        retriable = self.filtered(lambda issue: issue.can_retry and issue.state == 'open')
        if not retriable:
            raise UserError(
                self.env._(
                    'Trying again cannot help here. Do what the remedy says; it is then noticed by itself.'
                )
            )
        retriable.sudo()._solve()
        return True

    def action_open_remedy(self):
        """Go to where the cure is: the mapping, the match review, or the record."""
        self.ensure_one()
        if self.cause == 'mapping_missing':
            action = self.env['ir.actions.act_window']._for_xml_id(
                'fieldpromax_accounting.fieldpromax_mapping_action'
            )
            if self.mapping_id:
                action['domain'] = [('id', '=', self.mapping_id.id)]
            return action
        if self.cause == 'match_review':
            return self.env['ir.actions.act_window']._for_xml_id(
                'fieldpromax_accounting.fieldpromax_match_action'
            )
        record = self.move_id or self.product_id or self.partner_id
        if not record:
            raise UserError(
                self.env._('There is no single record to open. The list below shows what is held up.')
            )
        return {
            'type': 'ir.actions.act_window',
            'res_model': record._name,
            'res_id': record.id,
            'view_mode': 'form',
        }

    # === BUSINESS METHODS === #

    @api.model
    def _raise_for(self, connection, hold):
        """The open issue of this cause: found, with its words renewed, or made."""
        values = {
            'title': hold.title,
            'reason': hold.reason,
            'remedy': hold.remedy,
            'can_retry': hold.can_retry,
        }
        issue = self.search(
            [
                ('connection_id', '=', connection.id),
                ('cause_key', '=', hold.cause_key),
                ('state', '=', 'open'),
            ]
        )
        if issue:
            if issue._fieldpromax_words() != values:
                issue.write(values)
            return issue
        move = self.env['account.move'].browse(hold.records.get('move_id'))
        return self.create(
            {
                'connection_id': connection.id,
                'company_id': (move.company_id or connection.company_id).id,
                'cause': hold.cause,
                'cause_key': hold.cause_key,
                **values,
                **hold.records,
            }
        )

    def _fieldpromax_words(self):
        return {name: self[name] for name in ('title', 'reason', 'remedy', 'can_retry')}

    def _as_hold(self):
        """The same cause again, for a record that it holds up as well."""
        self.ensure_one()
        records = {
            name: self[name].id
            for name in ('partner_id', 'product_id', 'move_id', 'mapping_id')
            if self[name]
        }
        return Hold(
            self.cause,
            self.cause_key,
            self.title,
            self.reason or '',
            self.remedy,
            can_retry=self.can_retry,
            **records,
        )

    def _solve(self):
        """Close and let go of everything that was held up."""
        held = self.exchange_ids.filtered(lambda exchange: exchange.state == 'blocked')
        self.write({'state': 'solved', 'solved_at': fields.Datetime.now()})
        held._requeue()

    @api.model
    def _notice_cures(self, connection):
        """Close what is cured, wherever the cure was made (invariant 16).

        One exchange stands for all that an issue holds up: when it would be sent now, or would wait for something else,
        the cause is gone. What the provider refused is sent again only when its content has changed since, or once an
        hour: it may have been cured in the books.
        """
        issues = self.search(
            [('connection_id', '=', connection.id), ('state', '=', 'open')],
            order='looked_at NULLS FIRST, id',
            limit=ISSUES_PER_PASS,
        )
        now = fields.Datetime.now()
        for issue in issues:
            live = issue.exchange_ids.filtered(lambda exchange: exchange.state in LIVE_STATES)
            held = live.filtered(lambda exchange: exchange.state == 'blocked').sorted('id')
            sample = held.filtered(lambda exchange: exchange.kind != 'invoice')[:1] or held[:1]
            if not live or (sample and sample._is_cured(connection, issue)):
                issue._solve()
            elif issue.cause in CURED_IN_THE_BOOKS and now - issue.tried_at > LOOK_INTO_THE_BOOKS_EVERY:
                issue.tried_at = now
                held._requeue()
        issues.looked_at = now
