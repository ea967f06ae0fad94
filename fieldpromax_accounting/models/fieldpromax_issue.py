from datetime import timedelta

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

from ..holds import Hold
from ..renaming import Suggestion, rename
from .fieldpromax_exchange import LIVE_STATES
from .fieldpromax_link import DOCUMENT_KINDS, record_fields

# Causes that may be cured in the books without a trace in Odoo: what they hold up is tried again once an hour.
CURED_IN_THE_BOOKS = (
    'difference',
    'changed_after_sent',
    'changed_on_both',
    'gone',
    'taken',
    'refused',
    'twin',
    'void_refused',
    'payment_overpaid',
    'payment_there_only',
    'payment_changed_there',
)
# Causes that came with an answer of the books: until something is different there is no use in asking again.
ANSWERED = (*CURED_IN_THE_BOOKS, 'ambiguous', 'unexpected')
# Causes about a payment that was entered in the books, or removed from them.
BOOKS_PAYMENT = tuple(
    f'books_payment_{cause}'
    for cause in (
        'no_journal',
        'ours',
        'invoice',
        'overpays',
        'overpayment',
        'period',
        'credit',
        'refused',
        'changed',
        'removed_here',
        'removed_there',
    )
)
# Causes that stand by themselves, whether they hold something up or not.
STANDING = (
    'merged_here',
    'merged_there',
    'connection',
    'program',
    'drift',
    'draft_override',
    'orphan',
    *BOOKS_PAYMENT,
)
# Causes about a counterpart that is archived or deleted in the books.
COUNTERPART = ('counterpart_archived', 'counterpart_gone')
LOOK_INTO_THE_BOOKS_EVERY = timedelta(hours=1)
# How many open issues one pass looks at, oldest look first: a pass stays short however many there are.
ISSUES_PER_PASS = 100
# What is renewed when the same cause is met again.
WORDS = ('title', 'reason', 'remedy', 'can_retry', 'suggestion', 'suggestion_field', 'suggestion_found')


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
    suggestion = fields.Char('Suggested instead', readonly=True, help='Would do in place of what is refused.')
    suggestion_field = fields.Char(readonly=True, help='The field of the record that it would stand in.')
    suggestion_found = fields.Char(readonly=True, help='What stood there when it was suggested.')
    state = fields.Selection(
        [('open', 'Needs attention'), ('solved', 'Solved')],
        required=True,
        default='open',
        readonly=True,
        tracking=True,
    )
    solved_at = fields.Datetime('Solved on', readonly=True)
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
    link_id = fields.Many2one(
        'fieldpromax.link', 'Counterpart', index='btree_not_null', ondelete='set null', readonly=True
    )
    link_url = fields.Char(compute='_compute_counterpart')
    can_restore = fields.Boolean(compute='_compute_counterpart')
    can_re_link = fields.Boolean(compute='_compute_counterpart')
    can_merge = fields.Boolean(compute='_compute_counterpart')
    provider_label = fields.Char(compute='_compute_provider_label')
    exchange_ids = fields.One2many('fieldpromax.exchange', 'issue_id', readonly=True)
    held_count = fields.Integer('Holds up', compute='_compute_held')
    held_names = fields.Char('Records', compute='_compute_held')
    held_text = fields.Char(compute='_compute_held_text')
    tried_at = fields.Datetime(
        readonly=True,
        default=fields.Datetime.now,
        help='When what it holds up was last tried on the chance of a cure.',
    )
    looked_at = fields.Datetime(readonly=True, help='When the program last looked whether it is cured.')

    _open_unique = models.UniqueIndex("(connection_id, cause_key) WHERE state = 'open'")

    # === COMPUTE METHODS === #

    def _compute_provider_label(self):
        for issue in self:
            issue.provider_label = issue.connection_id.sudo()._provider_label()

    @api.depends('cause', 'state', 'link_id.external_active', 'link_id.external_status')
    def _compute_counterpart(self):
        """Which cures there are for a counterpart that is archived, deleted or merged."""
        for issue in self.sudo():
            link = issue.link_id if issue.state == 'open' else issue.link_id.browse()
            about = bool(link) and issue.cause in COUNTERPART
            issue.link_url = link._url() if link and link.external_status != 'deleted' else False
            issue.can_restore = about and link._can_restore()
            issue.can_re_link = about and bool(link._record_of())
            issue.can_merge = bool(link) and issue.cause == 'merged_there' and link.kind == 'contact'

    @api.depends('exchange_ids.state')
    def _compute_held(self):
        for issue in self.filtered(lambda issue: issue.cause == 'connection'):
            # Everything that waits to be sent waits for it.
            count = issue.connection_id.waiting_count if issue.state == 'open' else 0
            issue.held_count = count
            issue.held_names = False
        for issue in self.filtered(lambda issue: issue.cause != 'connection'):
            names = issue.exchange_ids.mapped('record_name')
            issue.held_count = len(names)
            issue.held_names = ', '.join(filter(None, names[:3]))
            if len(names) > 3:
                issue.held_names = self.env._(
                    '%(names)s and %(count)s more', names=issue.held_names, count=len(names) - 3
                )

    @api.depends('held_count')
    def _compute_held_text(self):
        for issue in self:
            if not issue.held_count:
                issue.held_text = self.env._('Nothing waits for it.')
            elif issue.held_count == 1:
                issue.held_text = self.env._('1 record waits for it.')
            else:
                issue.held_text = self.env._('%s records wait for it.', issue.held_count)

    # === ACTIONS === #

    def action_retry(self):
        """Send everything that these issues hold up once more."""
        self._check_bookkeeper()
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
            return self._open_mapping()
        if self.cause == 'match_review':
            return self.env['ir.actions.act_window']._for_xml_id(
                'fieldpromax_accounting.fieldpromax_match_action'
            )
        if self.cause == 'connection':
            return self._open_connection()
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

    def _open_mapping(self):
        """The guided page with what is missing first, for who decides about it; others see the row."""
        if self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            return self.env['fieldpromax.mapping.guide']._open(self.connection_id, self)
        action = self.connection_id.action_list_mappings()
        if self.mapping_id:
            action['domain'] = [('id', '=', self.mapping_id.id)]
        return action

    def _open_connection(self):
        """Who may, connects again at once; others see the connection, and whom to ask."""
        connection = self.connection_id
        if connection.can_manage and connection.state == 'reauth_required':
            return connection.action_reconnect()
        return connection.action_open_form()

    def action_read_again(self):
        """Have the lock date of the books read, after somebody opened the period there."""
        self.ensure_one()
        company = self.connection_id.company_id
        return self.env['fieldpromax.mapping'].with_company(company).action_refresh()

    def action_restore(self):
        """Have what is archived restored in the books."""
        self._counterpart('can_restore')._restore()
        return self._told(
            self.env._(
                '"%(name)s" is being restored in %(provider)s. What waits for it goes by itself.',
                name=self.link_id.sudo()._name_there(),
                provider=self.provider_label,
            )
        )

    def action_create_anew(self):
        """Give the record of Odoo a new counterpart, and leave the old one alone."""
        link = self._counterpart('can_re_link')
        name = link._record_of().display_name
        link._create_anew()
        self.sudo()._solve()
        return self._told(
            self.env._(
                '"%(name)s" is being created in %(provider)s. What waits for it goes by itself.',
                name=name,
                provider=self.provider_label,
            )
        )

    def action_re_link(self):
        """Ask for another counterpart."""
        self._counterpart('can_re_link')
        return self.env['fieldpromax.relink'].create({'issue_id': self.id})._open()

    def action_merge_partners(self):
        """Odoo's own merge, opened with the two."""
        link = self._counterpart('can_merge')
        survivor = link._by_external_id(link.connection_id, link.kind, [link.merged_into])._record_of()
        partners = survivor | link._record_of()
        wizard = self.env['base.partner.merge.automatic.wizard']
        if not wizard.has_access('create'):
            raise AccessError(
                self.env._(
                    'Ask somebody who may manage contacts to merge these: your access rights do not allow it.'
                )
            )
        action = self.env['ir.actions.act_window']._for_xml_id('base.action_partner_merge')
        context = {'active_model': 'res.partner', 'active_ids': partners.ids}
        if survivor:
            context['default_dst_partner_id'] = survivor.id
        return {**action, 'context': context}

    def action_keep_apart(self):
        """Two that the books made one stay two here; or two that were merged here stay two there."""
        self.ensure_one()
        self._check_bookkeeper()
        if self.state != 'open' or self.cause not in ('merged_here', 'merged_there'):
            raise UserError(self.env._('This is settled already. Reload the page.'))
        if self.cause == 'merged_there' and self.link_id:
            self.link_id.sudo()._keep_apart()
        self.sudo()._solve()
        return True

    def action_open_in_books(self):
        """Open the counterpart where the bookkeeper sees it."""
        self.ensure_one()
        self.check_access('read')
        if not self.link_url:
            raise UserError(
                self.env._('%s has no page of its own for it. Look it up there.', self.provider_label)
            )
        return {'type': 'ir.actions.act_url', 'url': self.link_url, 'target': 'new'}

    def _counterpart(self, may):
        """The link that a cure is about, with all rights, once the person may, and while the cure is still one.

        :param may: the field that says whether it is.
        """
        self.ensure_one()
        self._check_bookkeeper()
        if not self[may]:
            raise UserError(self.env._('This is settled already. Reload the page.'))
        return self.link_id.sudo()

    def _check_bookkeeper(self):
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can work on issues.'))
        self.check_access('write')

    @api.model
    def _told(self, message):
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'info',
                'message': message,
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }

    def action_accept_suggestion(self):
        """Give the records the names that are suggested, with the person's own rights, and send what was held up."""
        self._check_bookkeeper()
        offered = self.filtered(lambda issue: issue.suggestion and issue.state == 'open')
        if not offered:
            raise UserError(self.env._('There is nothing to accept here. Do what the remedy says instead.'))
        for issue in offered:
            record = issue._refused_record()
            if not record.has_access('write'):
                raise AccessError(
                    self.env._(
                        'You may not change "%(name)s" in Odoo. Ask somebody who may to call it "%(suggestion)s".',
                        name=record.sudo().display_name,
                        suggestion=issue.suggestion,
                    )
                )
            # What somebody else corrected meanwhile stays as it is: the next pass looks at it anew.
            rename(record, issue._suggestion())
        offered.sudo()._solve()
        return True

    # === BUSINESS METHODS === #

    def _refused_record(self):
        """The customer, product or project whose text the books refuse."""
        self.ensure_one()
        columns = record_fields(self.env)
        names = (columns[kind] for kind in columns if kind not in DOCUMENT_KINDS.values())
        return (
            next((self[name] for name in names if name in self._fields and self[name]), None) or self.move_id
        )

    def _suggestion(self):
        """As a :class:`~..renaming.Suggestion`; None without."""
        self.ensure_one()
        if not self.suggestion:
            return None
        return Suggestion(self.suggestion_field, self.suggestion_found or '', self.suggestion)

    @api.model
    def _raise_for(self, connection, hold):
        """The open issue of this cause: found, with its words renewed, or made."""
        values = {
            'title': hold.title,
            'reason': hold.reason,
            'remedy': hold.remedy,
            'can_retry': hold.can_retry,
            'suggestion': hold.suggestion.text if hold.suggestion else False,
            'suggestion_field': hold.suggestion.field_name if hold.suggestion else False,
            'suggestion_found': hold.suggestion.found if hold.suggestion else False,
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
            issue._show_differences(hold.differences)
            return issue
        move = self.env['account.move'].browse(hold.records.get('move_id'))
        issue = self.create(
            {
                'connection_id': connection.id,
                'company_id': (move.company_id or connection.company_id).id,
                'cause': hold.cause,
                'cause_key': hold.cause_key,
                **values,
                **hold.records,
            }
        )
        issue._show_differences(hold.differences)
        return issue

    @api.model
    def _note_failure(self, connection, task):
        """A task in the background met something that the program does not know: people see it until it succeeds.

        :param str task: ``push``, ``sweep``, ``renewal`` or ``audit``
        """
        provider = connection._provider_label()
        if task == 'renewal':
            title = self.env._('The consent of %s could not be renewed', provider)
            remedy = self.env._(
                'It is tried again tomorrow by itself. Should this stay, connect again in the settings: nothing that '
                'waits is lost.'
            )
        elif task == 'push':
            title = self.env._('What waits could not be sent to %s', provider)
            remedy = self.env._(
                'It is tried again within ten minutes by itself, and nothing that waits is lost. Should this stay, '
                'show the server log to whoever looks after this Odoo.'
            )
        elif task == 'audit':
            title = self.env._('The invoices in %s could not be looked over', provider)
            remedy = self.env._(
                'It is tried again tonight by itself. Until then, what was changed or voided there is not noticed.'
            )
        else:
            title = self.env._('Invoices that were not queued could not be looked for')
            remedy = self.env._(
                'It is tried again within the hour by itself. Until then, "Push to accounting" on an invoice sends it.'
            )
        reason = self.env._(
            'The program met something it does not know. An administrator finds it in the server log.'
        )
        return self._raise_for(connection, Hold('program', f'program:{task}', title, reason, remedy))

    @api.model
    def _note_success(self, connection, task):
        """The task works again."""
        self.search(
            [
                ('connection_id', '=', connection.id),
                ('cause_key', '=', f'program:{task}'),
                ('state', '=', 'open'),
            ]
        )._solve()

    def _fieldpromax_words(self):
        return {name: self[name] for name in WORDS}

    def _as_hold(self):
        """The same cause again, for a record that it holds up as well."""
        self.ensure_one()
        records = {
            name: self[name].id
            for name in ('partner_id', 'product_id', 'move_id', 'mapping_id', 'link_id')
            if self[name]
        }
        return Hold(
            self.cause,
            self.cause_key,
            self.title,
            self.reason or '',
            self.remedy,
            can_retry=self.can_retry,
            suggestion=self._suggestion(),
            **records,
        )

    def _came_with_an_answer(self):
        """Did the books say so, and not we?"""
        self.ensure_one()
        return self.cause in ANSWERED

    def _is_over(self):
        """Is a cause that stands by itself cured?"""
        self.ensure_one()
        link = self.link_id
        if self.cause == 'merged_there':
            return not link or link._settle_merge()
        if self.cause == 'merged_here':
            # Merged, archived or deleted there, or in use here again.
            return not link or not link.external_active or bool(link._record_of())
        if self.cause in ('drift', 'draft_override', 'orphan'):
            return self._is_document_settled()
        if self.cause == 'program':
            # The task that failed says so itself once it succeeds.
            return self.connection_id.state == 'disconnected'
        return self.connection_id.state not in ('reauth_required', 'suspended')

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
            if issue.cause in STANDING:
                if issue._is_over():
                    issue._solve()
                continue
            live = issue.exchange_ids.filtered(lambda exchange: exchange.state in LIVE_STATES)
            held = live.filtered(lambda exchange: exchange.state == 'blocked').sorted('id')
            sample = (
                held.filtered(lambda exchange: exchange.kind not in DOCUMENT_KINDS.values())[:1] or held[:1]
            )
            if not live or (sample and sample._is_cured(connection, issue)):
                issue._solve()
            elif issue.cause in CURED_IN_THE_BOOKS and now - issue.tried_at > LOOK_INTO_THE_BOOKS_EVERY:
                issue.tried_at = now
                held._requeue()
        issues.looked_at = now
