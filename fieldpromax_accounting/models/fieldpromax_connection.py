import logging
import time
from contextlib import contextmanager
from datetime import timedelta

from markupsafe import Markup
from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.modules import module as odoo_module
from odoo.tools import SQL, config
from psycopg2 import errors as pg_errors

from .. import encryption, pacing
from ..conversation import Conversation
from ..providers import base, dto, errors, registry

_logger = logging.getLogger(__name__)

# First key of the advisory lock: tells our locks from everybody else's in the database ("fpmx" in ASCII).
ADVISORY_LOCK_CLASS = 0x66706D78
LOOPBACK_HOSTS = ('localhost', '127.0.0.1', '::1')
# What an administrator chooses; everything else in the row is written by the program alone.
SETTINGS_FIELDS = (
    'push_trigger',
    'invoice_status',
    'start_date',
    'push_payments',
    'pull_payments',
    'attach_pdf',
    'attach_files',
    'pull_suppliers',
    'pull_interval',
    'contact_push',
    'item_push',
    'is_source_of_shared',
)
# How often the pull cron runs; a connection that reads less often lets turns pass.
PULL_MINUTES = 15
# Connecting again while a removal is still under way waits this long for it.
REMOVAL_WAIT_SECONDS = 10
UNINSTALL_TIMEOUT_SECONDS = 5.0
# Odoo ends a request after 120 s by default, and taking our tables down has to fit in.
UNINSTALL_SECONDS = 30.0
PENDING_MATCHES = [('decision', '=', 'pending'), ('is_deferred', '=', False)]
STATUS = [
    ('connected', 'Connected'),
    ('paused', 'Paused'),
    ('reauth_required', 'Reconnect needed'),
    ('suspended', 'Suspended'),
    ('copy', 'This is a copy'),
    ('disconnected', 'Disconnected'),
]


class FieldpromaxConnection(models.Model):
    """The authorised tie between a company and an organization at the provider; the only door to the provider."""

    _name = 'fieldpromax.connection'
    _description = 'Accounting connection'
    _inherit = ['mail.thread', 'mail.activity.mixin']
    _rec_name = 'organization_name'
    _order = 'company_id, id'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    provider = fields.Selection(selection=lambda self: registry.selection(), required=True, readonly=True)
    state = fields.Selection(
        [
            ('connected', 'Connected'),
            ('reauth_required', 'Reconnect needed'),
            ('suspended', 'Suspended'),
            ('copy', 'This is a copy'),
            ('disconnected', 'Disconnected'),
        ],
        required=True,
        default='connected',
        readonly=True,
        tracking=True,
    )
    state_reason = fields.Char(readonly=True, help='Why the connection is in this state, in plain words.')
    paused = fields.Boolean(tracking=True, help='Nothing is sent or read while this is set.')

    organization_external_id = fields.Char('Organization ID', required=True, readonly=True)
    organization_name = fields.Char('Organization', required=True, readonly=True)
    organization_country = fields.Char('Country', readonly=True)
    organization_currencies = fields.Char(
        readonly=True, help='Currencies that documents of the organization may be in, separated by commas.'
    )
    organization_is_demo = fields.Boolean('Demo company', readonly=True)
    organization_short_code = fields.Char(readonly=True)
    organization_lock_date = fields.Date('Lock date in the books', readonly=True)
    organization_numbers_documents = fields.Boolean(
        readonly=True, help='The books give invoices their numbers themselves.'
    )
    organization_computes_tax = fields.Boolean(readonly=True, help='The books work out the tax themselves.')
    organization_has_projects = fields.Boolean(readonly=True, help='Projects can be made in the books.')
    currency_id = fields.Many2one('res.currency', 'Base currency', readonly=True)
    remote_connection_external_id = fields.Char(
        readonly=True, help="The provider's own id of this connection."
    )
    user_external_id = fields.Char(
        readonly=True, help='Who consented, by the id that the provider gives the person.'
    )
    connected_by_id = fields.Many2one('res.users', 'Connected by', readonly=True)
    connected_at = fields.Datetime('Connected on', readonly=True)

    # A copied database is told from the original by these.
    database_uuid = fields.Char(readonly=True)
    database_name = fields.Char(readonly=True)
    database_oid = fields.Char(readonly=True)

    push_cron_id = fields.Many2one('ir.cron', readonly=True, copy=False, groups='base.group_system')
    pull_cron_id = fields.Many2one('ir.cron', readonly=True, copy=False, groups='base.group_system')

    push_trigger = fields.Selection(
        [('posted', 'When posted'), ('sent', 'When sent'), ('manual', 'By hand')],
        'Push invoices',
        required=True,
        default='posted',
        tracking=True,
    )
    invoice_status = fields.Selection(
        [('approved', 'Approved'), ('draft', 'Draft')],
        'Arrive as',
        required=True,
        default='approved',
        tracking=True,
    )
    start_date = fields.Date(
        'Nothing dated before',
        required=True,
        default=lambda self: self._day_of_connecting(),
        tracking=True,
        help='Invoices dated before this day are sent only when somebody asks for it.',
    )
    push_payments = fields.Boolean(
        'Payments to the books',
        default=True,
        tracking=True,
        help='What settles an invoice in Odoo marks it paid in the books, on the account that its journal stands for.',
    )
    pull_payments = fields.Boolean(
        'Payments from the books',
        default=True,
        tracking=True,
        help='A payment that is entered in the books is registered in Odoo, in the journals whose payments are entered '
        'there. For the other journals you are told of it.',
    )
    pull_suppliers = fields.Boolean(
        'Suppliers too', help='Contacts that are only suppliers are pulled as well.'
    )

    pull_interval = fields.Selection(
        [
            (str(PULL_MINUTES), 'Every 15 minutes'),
            ('30', 'Every 30 minutes'),
            ('60', 'Every hour'),
            ('240', 'Every 4 hours'),
        ],
        'Read changes',
        required=True,
        default=str(PULL_MINUTES),
        tracking=True,
        help='How often Odoo asks the books what changed. Asking takes up to 4 calls when nothing did: choose a longer '
        'time where the books allow few calls a day. What webhooks tell of is read at once in any case.',
    )
    contact_push = fields.Selection(
        [('invoiced', 'When first invoiced'), ('created', 'When created')],
        'New customers',
        required=True,
        default='invoiced',
        tracking=True,
        help='When a new customer of Odoo goes over.',
    )
    item_push = fields.Selection(
        [('invoiced', 'When first invoiced'), ('created', 'When created')],
        'New products',
        required=True,
        default='invoiced',
        tracking=True,
        help='When a new product of Odoo goes over. What the books count in stock is never made from here.',
    )
    is_source_of_shared = fields.Boolean(
        'Source of shared records',
        tracking=True,
        help='Customers and products of no company that several connected companies have in their books take their '
        'values from these books. Without a source, they take them from none.',
    )

    link_ids = fields.One2many('fieldpromax.link', 'connection_id')
    exchange_ids = fields.One2many('fieldpromax.exchange', 'connection_id')
    run_ids = fields.One2many('fieldpromax.run', 'connection_id')

    status = fields.Selection(
        STATUS, compute='_compute_status', help='The state in one word, pausing included.'
    )
    status_text = fields.Char(compute='_compute_status', help='What the state means and what to do.')
    provider_label = fields.Char('Accounting software', compute='_compute_provider_label')
    has_invoice_drafts = fields.Boolean(compute='_compute_provider_label')
    no_drafts_text = fields.Char(compute='_compute_provider_label')
    can_manage = fields.Boolean(compute='_compute_can_manage')
    customer_count = fields.Integer('Customers', compute='_compute_counts')
    product_count = fields.Integer('Products', compute='_compute_counts')
    invoice_count = fields.Integer('Invoices', compute='_compute_counts')
    waiting_count = fields.Integer('Waiting', compute='_compute_counts')
    issue_count = fields.Integer('Needs attention', compute='_compute_counts')
    match_count = fields.Integer('Match review', compute='_compute_counts')
    conflict_count = fields.Integer('Conflicts', compute='_compute_counts')
    disconnect_text = fields.Text(compute='_compute_disconnect_text')

    _organization_unique = models.Constraint(
        'unique(company_id, provider, organization_external_id)',
        'This organization has a connection in this company already.',
    )
    _active_company_unique = models.UniqueIndex(
        "(company_id) WHERE state != 'disconnected'",
        'A company has one accounting integration at a time. Disconnect the other one first.',
    )
    _active_organization_unique = models.UniqueIndex(
        "(provider, organization_external_id) WHERE state != 'disconnected'",
        'Another company is connected to this organization already.',
    )

    _source_unique = models.UniqueIndex(
        "(is_source_of_shared) WHERE is_source_of_shared AND state != 'disconnected'",
        'Another connection is the source of shared records already. Unset it there first.',
    )

    @api.model
    def _day_of_connecting(self):
        """Where it is still yesterday for a colleague, what they date today must not count as history."""
        return min(fields.Date.today(), fields.Date.context_today(self))

    # === COMPUTE METHODS === #

    @api.depends('organization_name', 'provider')
    def _compute_display_name(self):
        for connection in self:
            connection.display_name = f'{connection.organization_name} ({connection._provider_label()})'

    @api.depends('state', 'state_reason', 'paused', 'provider', 'trouble', 'trouble_until')
    def _compute_status(self):
        for connection in self:
            if not connection.organization_external_id:
                connection.status, connection.status_text = 'disconnected', ''
                continue
            status = connection.state
            if connection._looks_copied():
                status = 'copy'
            elif status == 'connected' and connection.paused:
                status = 'paused'
            connection.status = status
            connection.status_text = connection._silence_reason() or connection._passing_trouble_text()

    @api.depends('provider')
    def _compute_provider_label(self):
        for connection in self:
            connection.provider_label = connection._provider_label()
            connection.has_invoice_drafts = connection._capabilities().invoice_drafts
            connection.no_drafts_text = self._no_drafts_text(connection.provider)

    @api.depends_context('uid')
    def _compute_can_manage(self):
        self.can_manage = self.env.user.has_group(
            'fieldpromax_accounting.fieldpromax_accounting_group_manager'
        )

    def _compute_counts(self):
        links = self._count_by('fieldpromax.link', 'kind', [('decision', '=', False)])
        waiting = self._count_by(
            'fieldpromax.exchange', 'state', [('state', 'not in', ('done', 'cancelled'))]
        )
        issues = self._count_by('fieldpromax.issue', 'state', [('state', '=', 'open')])
        matches = self._count_matches()
        conflicts = self._count_by('fieldpromax.conflict', 'state', [('state', '=', 'open')])
        for connection in self:
            linked = links.get(connection.id, {})
            connection.customer_count = linked.get('contact', 0)
            connection.product_count = linked.get('item', 0)
            connection.invoice_count = linked.get('invoice', 0)
            connection.waiting_count = sum(waiting.get(connection.id, {}).values())
            connection.match_count = sum(matches.get(connection.id, {}).values())
            connection.conflict_count = sum(conflicts.get(connection.id, {}).values())
            connection.issue_count = sum(issues.get(connection.id, {}).values())

    def _count_by(self, model_name, field_name, domain):
        """``{connection id: {value of the field: count}}``, of what the person may see."""
        counts = {}
        for connection, value, count in self.env[model_name]._read_group(
            [('connection_id', 'in', self.ids), *domain], ['connection_id', field_name], ['__count']
        ):
            counts.setdefault(connection.id, {})[value] = count
        return counts

    def _count_matches(self):
        """``{connection id: {kind: decisions that wait}}``, of what the person may see."""
        # A record of the books may have several candidates: it is one decision. Its id is unique within its kind only.
        counts = {}
        for connection, kind, count in self.env['fieldpromax.match']._read_group(
            [('connection_id', 'in', self.ids), *PENDING_MATCHES],
            ['connection_id', 'kind'],
            ['external_id:count_distinct'],
        ):
            counts.setdefault(connection.id, {})[kind] = count
        return counts

    @api.depends('state', 'organization_name', 'provider')
    def _compute_disconnect_text(self):
        for connection in self:
            values = {
                'provider': connection._provider_label(),
                'organization': connection.organization_name,
                'customers': connection.customer_count,
                'products': connection.product_count,
                'invoices': connection.invoice_count,
                'waiting': connection.waiting_count,
            }
            connection.disconnect_text = '\n\n'.join(
                (
                    self.env._(
                        'What changes: nothing is sent to or read from %(organization)s any more, and this tie is '
                        'removed at %(provider)s. Other companies and other apps keep theirs.',
                        **values,
                    ),
                    self.env._(
                        'What stays: every customer, product and invoice, in Odoo and in %(provider)s. Their links are '
                        'kept for the day you connect %(organization)s again. Linked now: customers: %(customers)s, '
                        'products: %(products)s, invoices: %(invoices)s.',
                        **values,
                    ),
                    self.env._(
                        'What waits is kept and goes over after reconnecting. Waiting now: %(waiting)s.',
                        **values,
                    ),
                )
            )

    # === CRUD === #

    @api.model
    def _settings_fields(self):
        """What people may change of a connection. Another addon adds its own settings."""
        return SETTINGS_FIELDS

    def write(self, vals):
        """People change settings and the conversation; state, organization and crons are the program's."""
        if not self.env.su:
            own = {
                name
                for name, field in self._fields.items()
                if field.store
                and not field.related
                and not name.startswith(('message_', 'activity_', 'rating_'))
            }
            refused = (own & set(vals)) - set(self._settings_fields())
            if refused:
                raise AccessError(
                    self.env._(
                        'These fields of a connection are not changed by hand: %s.',
                        ', '.join(sorted(refused)),
                    )
                )
        return super().write(vals)

    def unlink(self):
        crons = self.sudo().push_cron_id | self.sudo().pull_cron_id
        result = super().unlink()
        crons.unlink()
        return result

    # === LOOK-UPS === #

    @api.model
    def _latest(self, company, provider):
        """The connection that the company made last with this provider, in whatever state it is now."""
        return self.search(
            [('company_id', '=', company.id), ('provider', '=', provider)],
            order='connected_at desc, id desc',
            limit=1,
        )

    def _provider_label(self):
        """Name of the provider as people know it."""
        self.ensure_one()
        return dict(registry.selection()).get(self.provider, self.provider)

    def _capabilities(self):
        """What the provider can do, as :class:`~..providers.base.Capabilities`."""
        self.ensure_one()
        try:
            return registry.get(self.provider).capabilities
        except KeyError:
            # of an addon that was removed: nothing is exchanged with it any more
            return base.Capabilities()

    def _operations(self):
        """What can be written there: ``{name: operation}``."""
        self.ensure_one()
        try:
            return registry.get(self.provider).operations
        except KeyError:
            # of an addon that was removed
            return {}

    def _why_no_void(self):
        """Why invoices are not voided there from here, '' when they can be."""
        can = 'invoice.void' in self._operations()
        return '' if can else self.env._('Void it in %s by hand.', self._provider_label())

    def _contact_role(self, currency):
        """Which of a customer's contacts in the books a document in ``currency`` goes to: '' for the first one, or
        the currency where a contact has one for good."""
        self.ensure_one()
        if currency == self.currency_id or not self._capabilities().currency_per_contact:
            return ''
        return currency.name

    @api.model
    def _no_drafts_text(self, provider):
        """Why there is no choice between draft and approved, '' where there is one."""
        labels = dict(registry.selection())
        if provider not in labels or registry.get(provider).capabilities.invoice_drafts:
            return ''
        return self.env._(
            '%s has no drafts: an invoice counts as soon as it arrives.',
            labels[provider],
        )

    @api.model
    def _active_for(self, company):
        """The active connection that serves ``company``: its own, or the nearest parent's. At most one record."""
        companies = company.parent_ids
        connections = self.sudo().search(
            [('company_id', 'in', companies.ids), ('state', '!=', 'disconnected')]
        )
        depth = {parent.id: index for index, parent in enumerate(companies)}
        return connections.sorted(lambda connection: depth[connection.company_id.id])[-1:]

    @api.model
    def _in_use_sql(self):
        """Of a connection with the alias ``c``: it is in use, and it may serve a company that is looked at. What other
        companies have is not shown in any case, and need not be read."""
        in_use = SQL("c.state != 'disconnected'")
        if self.env.su:
            return in_use
        return SQL('%s AND c.company_id = ANY(%s)', in_use, self.env.companies.sudo().parent_ids.ids)

    def _served_companies(self):
        """The company of the connection and the branches that have no nearer connection of their own."""
        self.ensure_one()
        company = self.company_id.sudo().with_context(active_test=False)
        if not company.child_ids:
            return company if self.state != 'disconnected' else company.browse()
        branches = company.search([('id', 'child_of', company.id)])
        return branches.filtered(lambda company: self._active_for(company) == self)

    # === THE DOOR TO THE PROVIDER === #

    def _silence_reason(self):
        """Why this connection talks to nobody right now, as a sentence; '' when it may."""
        self.ensure_one()
        provider = self._provider_label()
        if self.env['ir.config_parameter'].sudo().get_param('database.is_neutralized'):
            return self.env._(
                'This database is neutralized: nothing is exchanged with %(provider)s.', provider=provider
            )
        if self._looks_copied():
            return self._copy_text()
        if self.state == 'reauth_required':
            return self.state_reason or self.env._(
                '%(provider)s has to be connected again in the settings.', provider=provider
            )
        if self.state == 'suspended':
            return self.state_reason or self.env._(
                '%(provider)s suspended this connection. It is tried again every day.', provider=provider
            )
        if self.state == 'disconnected':
            return self.env._('%(provider)s is disconnected. Connect it in the settings.', provider=provider)
        if self.paused:
            return self.env._('The connection is paused. Resume it in the settings.')
        if encryption.is_missing(self.env):
            return self.env._(
                'Encryption key missing on this server: what is stored of the connection cannot be read. '
                'See the settings.'
            )
        return ''

    def _database_identity(self):
        """What tells this database from a copy of it: uuid, name and object id."""
        # Asked each time: a server goes on running while its database is replaced by a backup.
        self.env.cr.execute('SELECT oid FROM pg_database WHERE datname = current_database()')
        oid = self.env.cr.fetchone()[0]
        return {
            'database_uuid': self.env['ir.config_parameter'].sudo().get_param('database.uuid'),
            'database_name': self.env.cr.dbname,
            'database_oid': str(oid),
        }

    def _identity_values(self):
        """What is kept of this database once somebody said that the connection is its own."""
        return self._database_identity()

    def _is_copy(self):
        self.ensure_one()
        return self._has_other_identity()

    def _has_other_identity(self):
        return any(self[name] != value for name, value in self._database_identity().items())

    def _is_own_database(self):
        """May this process speak for the connection: neither a copy nor neutralized?"""
        neutralized = self.env['ir.config_parameter'].sudo().get_param('database.is_neutralized')
        return not neutralized and self.state != 'copy' and not self._is_copy()

    def _looks_copied(self):
        """Is this the tie of another database, of which this one is a copy?"""
        self.ensure_one()
        return self.state == 'copy' or (self.state != 'disconnected' and self._is_copy())

    def _allow_host(self, host):
        """May a request go to ``host``? Tests reach this machine only; a neutralized or copied database
        reaches nobody."""
        if self.env['ir.config_parameter'].sudo().get_param('database.is_neutralized'):
            return False
        if self and (self.state == 'copy' or self._is_copy()):
            return False
        if config['test_enable'] or odoo_module.current_test:
            return host in LOOPBACK_HOSTS
        return True

    @api.model
    def _base_url(self, provider):
        return (
            self.env['ir.config_parameter'].sudo().get_param(f'fieldpromax_accounting.{provider}_base_url')
            or ''
        )

    def _provider_for(self, provider, **timeouts):
        """The provider before an organization is chosen, with this deployment's app.

        :param timeouts: ``connect_timeout`` and ``read_timeout`` in seconds, where the usual ones are too long.
        :raise UserError: the app is not entered yet.
        """
        apps = self.env['fieldpromax.app'].sudo()
        settings = base.ProviderConfig(
            app=apps._get_credentials(provider),
            base_url=self._base_url(provider),
            allow_host=self._allow_host,
            optional_scopes=apps._asks_for_optional_scopes(provider),
            **timeouts,
        )
        return registry.get(provider)(settings)

    def _deciding_provider(self):
        """The provider as it knows this organization, without a token: for its rules and arithmetic, which ask
        nobody."""
        self.ensure_one()
        provider = self._provider_for(self.provider)
        return provider.for_organization(self.organization_external_id, '', organization=self._organization())

    @staticmethod
    def _allow_host_meanwhile(host):
        """As :meth:`_allow_host`, for a call in front of which somebody made sure whose database this is. The
        database is not asked again: that would open a transaction for as long as the call takes."""
        if config['test_enable'] or odoo_module.current_test:
            return host in LOOPBACK_HOSTS
        return True

    def _talk(self, function):
        """``function(provider)`` with a valid access token; an expired one is refreshed and the call made once more.

        No ORM write happens here but the refresh, which commits on a cursor of its own. A driver talks through one
        provider for the whole of its run.

        :raise ProviderError: what became of it; :meth:`_on_provider_error` says what that means for the connection.
        """
        self.ensure_one()
        credential = self.env['fieldpromax.credential'].sudo()
        # Before the credential is touched: a copy must not renew the original's tokens.
        if not self._is_own_database():
            raise errors.HostRefused(self._silence_reason())
        conversation = self.env.context.get('fieldpromax_conversation') or Conversation()
        conversation.meter = conversation.meter or self._meter()
        settings = base.ProviderConfig(
            app=self.env['fieldpromax.app'].sudo()._get_credentials(self.provider),
            base_url=self._base_url(self.provider),
            allow_host=self._allow_host_meanwhile,
            meter=conversation.meter,
        )
        provider = conversation.provider(
            (self.provider, settings.app, settings.base_url), lambda: registry.get(self.provider)(settings)
        )
        organization = self._organization()
        token = credential._get_access_token(self, provider=provider)
        self._end_transaction()
        try:
            return function(conversation.bound(organization, token))
        except errors.AccessTokenExpired:
            token = credential._get_access_token(self, stale=token, provider=provider)
            self._end_transaction()
            try:
                return function(conversation.bound(organization, token))
            except errors.AccessTokenExpired as error:
                with credential._naming_what_was_refused(token):
                    raise errors.ReauthorizationRequired(
                        error.message,
                        code=error.code,
                        http_status=error.http_status,
                        request_id=error.request_id,
                    ) from error

    def _was_slow(self):
        """Has the run of this driver waited so long for an answer that others have their turn first?"""
        conversation = self.env.context.get('fieldpromax_conversation')
        return bool(conversation and conversation.meter) and conversation.meter.was_slow()

    def _go_on(self, cron, at=None):
        """Wake the cron of a driver again, at once or at a time, but where the provider is slow not before those had
        their turn who wait by now: of what is due, a cron worker takes the oldest cron first."""
        if self._was_slow():
            soon = fields.Datetime.now() + timedelta(seconds=1)
            # What woke it meanwhile is served then, too. What woke it for this run, Odoo holds until it ends.
            self.env['ir.cron.trigger'].flush_model()
            self.env.cr.execute(
                SQL(
                    """
                    DELETE FROM ir_cron_trigger WHERE id IN (
                        SELECT id FROM ir_cron_trigger WHERE cron_id = %s AND call_at <= %s FOR UPDATE SKIP LOCKED)
                    """,
                    cron.id,
                    soon,
                )
            )
            woken = self.env.cr.rowcount
            self.env['ir.cron.trigger'].invalidate_model()
            at = soon if woken or not at else max(at, soon)
        cron.sudo()._trigger(at=at)

    def _meter(self):
        """Counts the requests of this run or person, and holds back those that would break a limit of the provider."""
        return pacing.Meter(
            self.env.registry,
            self.id,
            f'{self.provider}:{self.organization_external_id}',
            # A person waits for what is no driver's.
            self.env.context.get('fieldpromax_purpose', 'person'),
            self._rate_limits(),
        )

    def _rate_limits(self):
        """The limits of the provider, or those that an administrator set; None where nothing is held back."""
        limits = self._capabilities().rate_limits
        if limits is None:
            return None
        chosen = (
            self.env['ir.config_parameter']
            .sudo()
            .get_param(f'fieldpromax_accounting.{self.provider}_calls_per_minute')
        )
        try:
            chosen = int(chosen)
        except (TypeError, ValueError):
            return limits
        if chosen <= 0:
            return None
        lanes = {lane: min(calls, chosen) for lane, calls in limits.per_minute.items()}
        # Of the widest lane one may also have been granted more.
        lanes['call'] = chosen
        return base.RateLimits(lanes, at_once=limits.at_once)

    def _end_transaction(self):
        """A driver keeps no transaction open while the provider is asked: what it read would be stale by the time the
        answer is written down. It has stored all that it decided; what a person's request holds is left alone."""
        if self.env.context.get('fieldpromax_conversation'):
            self.env.cr.commit()  # pylint: disable=invalid-commit

    def _organization(self):
        """The organization as a DTO, from what is stored."""
        self.ensure_one()
        return dto.Organization(
            external_id=self.organization_external_id,
            name=self.organization_name,
            currency=self.currency_id.name or '',
            country=self.organization_country or '',
            remote_connection_id=self.remote_connection_external_id or '',
            short_code=self.organization_short_code or '',
            is_demo=self.organization_is_demo,
            currencies=tuple(filter(None, (self.organization_currencies or '').split(','))),
            lock_date=self.organization_lock_date or None,
            numbers_documents=self.organization_numbers_documents,
            computes_tax=self.organization_computes_tax,
            has_projects=self.organization_has_projects,
        )

    @contextmanager
    def _exclusive(self, wait=0.0):
        """Hold this connection's lock while a call is under way; yields whether it was got within ``wait`` seconds.

        The lock lives on a cursor of its own: the driver commits between its steps and would lose it otherwise.
        PostgreSQL frees it when the process dies, which tells a dead ``sending`` from a slow one.
        """
        self.ensure_one()
        deadline = time.monotonic() + wait
        with self.env.registry.cursor() as lock_cr:
            while True:
                lock_cr.execute('SELECT pg_try_advisory_xact_lock(%s, %s)', (ADVISORY_LOCK_CLASS, self.id))
                held = lock_cr.fetchone()[0]
                if held or time.monotonic() >= deadline:
                    break
                time.sleep(0.05)
            yield held

    # === CRON ENTRY POINTS === #

    def _as_driver(self, purpose='upkeep'):
        """This connection as its drivers see it: superuser, its company and branches alone.

        :param purpose: of ``pacing.PURPOSES``: what the calls of this run are for.
        """
        self.ensure_one()
        connection = self.with_user(self.env.ref('base.user_root')).sudo()
        companies = self._served_companies()
        return connection.with_context(
            allowed_company_ids=[self.company_id.id, *(companies - self.company_id).ids],
            fieldpromax_conversation=Conversation(),
            fieldpromax_purpose=purpose,
            lang=None,
            tz='UTC',
        )

    def _cron_push(self):
        """Send what waits. One connection's own cron; see ``fieldpromax.exchange``."""
        connection = self._as_driver('push')
        if connection._note_copy():
            return None
        return connection.env['fieldpromax.exchange']._drive(connection)

    def _pull_every(self):
        """How far apart the polls of this connection are."""
        self.ensure_one()
        return timedelta(minutes=int(self.pull_interval))

    def _cron_pull(self):
        """Read what changed. One connection's own cron; see ``fieldpromax.run``."""
        connection = self._as_driver('pull')
        if connection._note_copy():
            return None
        return connection.env['fieldpromax.run']._drive(connection)

    def _trigger_push(self, at=None):
        """Wake the push cron as soon as this transaction is committed, or at a time (up to 70 s later than that)."""
        for connection in self.sudo():
            connection.push_cron_id._trigger(at=at)

    def _trigger_pull(self, at=None):
        for connection in self.sudo():
            connection.pull_cron_id._trigger(at=at)

    def _check_manager(self):
        """:raise AccessError: the person is not an administrator of the connection."""
        if not self.env.is_superuser() and not self.env.user.has_group(
            'fieldpromax_accounting.fieldpromax_accounting_group_manager'
        ):
            raise AccessError(
                self.env._('Only an administrator can do this. Ask one who has access to the settings.')
            )

    # === CONNECTING === #

    @api.model
    def _connect(self, row, confirmed=False):
        """Tie the company of a consent to the organization that was chosen.

        One row per company, provider and organization is reused for ever: links, history and settings stay with it. In
        one transaction with the credential; nothing is sent to the provider.

        :param row: ``fieldpromax.authorization.organization``.
        :param confirmed: the person knows that the company was connected to another organization before.
        :return: the connection.
        :raise UserError: why not, and what to do.
        """
        authorization, company = row.authorization_id, row.company_id
        refusal = row._refusal()
        if refusal:
            raise UserError(refusal)
        connections = self.sudo().with_company(company)
        label = authorization._provider_label()
        active = connections.search(
            [('company_id', '=', company.id), ('state', '!=', 'disconnected')], limit=1
        )
        connection = connections.search(
            [
                ('company_id', '=', company.id),
                ('provider', '=', authorization.provider),
                ('organization_external_id', '=', row.external_id),
            ]
        )
        if (
            active
            and active != connection
            and (active.provider != authorization.provider or active.state != 'reauth_required')
        ):
            raise UserError(
                self.env._(
                    'Disconnect %(other)s in %(provider)s first: a company has one accounting integration at a time.',
                    other=active.organization_name,
                    provider=active._provider_label(),
                )
            )
        confirmation = row._needed_confirmation()
        if confirmation and not confirmed:
            raise UserError(
                self.env._(
                    '%(explanation)s Confirm that you want to connect %(organization)s instead.',
                    explanation=confirmation,
                    organization=row.name,
                )
            )
        if active and active != connection:
            active._end(self.env._('%(organization)s was connected instead.', organization=row.name))
            # The unique index sees the old tie end before the new one begins.
            active.flush_recordset()
        token = authorization._token_set()
        values = {
            'state': 'connected',
            'state_reason': False,
            'user_external_id': token.user_external_id,
            'connected_by_id': authorization.user_id.id,
            'connected_at': fields.Datetime.now(),
            **self._identity_values(),
            **self._organization_values(row._as_dto()),
        }
        restored = bool(connection) and connection._is_copy()
        if connection:
            connection._end_removal(authorization)
            connection.write(values)
        else:
            connection = connections.create(
                {
                    'company_id': company.id,
                    'provider': authorization.provider,
                    'organization_external_id': row.external_id,
                    **values,
                }
            )
        connection._ensure_crons()
        self.env['fieldpromax.credential'].sudo()._store(connection, token)
        authorization._done(connection)
        connection._close_activities()
        connection.message_post(
            body=self.env._(
                '%(person)s connected %(organization)s in %(provider)s.',
                person=authorization.user_id.name,
                organization=row.name,
                provider=label,
            )
        )
        connection._resume_work()
        if restored:
            # Disconnected in a backup, which knows nothing of what was sent since.
            connection._note_restored()
        return connection

    @api.model
    def _organization_values(self, organization):
        """What the connection keeps of an organization (a DTO)."""
        return {
            'organization_name': organization.name or organization.external_id,
            'organization_country': organization.country,
            'organization_currencies': ','.join(organization.currencies),
            'organization_is_demo': organization.is_demo,
            'organization_short_code': organization.short_code,
            'organization_lock_date': organization.lock_date or False,
            'organization_numbers_documents': organization.numbers_documents,
            'organization_computes_tax': organization.computes_tax,
            'organization_has_projects': organization.has_projects,
            'currency_id': self.env['res.currency']
            .with_context(active_test=False)
            .search([('name', '=', organization.currency)], limit=1)
            .id,
            'remote_connection_external_id': organization.remote_connection_id,
        }

    def _end_removal(self, authorization):
        """Call off the removal that a former Disconnect queued, or refuse when it is too late for that.

        The connection's lock keeps the push driver from removing what this transaction is about to connect.
        """
        removals = self.exchange_ids.filtered(lambda exchange: exchange.kind == 'organization')
        open_removals = removals.filtered(lambda exchange: exchange.state not in ('done', 'cancelled'))
        if open_removals:
            try:
                with self.env.cr.savepoint(flush=False):
                    self.env.cr.execute(
                        'SELECT set_config(%s, %s, true)', ('lock_timeout', f'{REMOVAL_WAIT_SECONDS}s')
                    )
                    self.env.cr.execute(
                        'SELECT pg_advisory_xact_lock(%s, %s)',
                        (ADVISORY_LOCK_CLASS, self.id),
                        log_exceptions=False,  # said in words below
                    )
                    self.env.cr.execute("SELECT set_config('lock_timeout', '0', true)")
            except pg_errors.LockNotAvailable:
                raise UserError(
                    self.env._(
                        '%(organization)s is still being disconnected at %(provider)s. Click Connect '
                        'again in a minute.',
                        organization=self.organization_name,
                        provider=self._provider_label(),
                    )
                ) from None
            open_removals._cancel(self.env._('The organization was connected again.'))
        if any(
            removal.state == 'done' and removal.done_at and removal.done_at > authorization.create_date
            for removal in removals
        ):
            raise UserError(
                self.env._(
                    '%(organization)s was removed at %(provider)s while you gave your consent. Click '
                    'Connect once more.',
                    organization=self.organization_name,
                    provider=self._provider_label(),
                )
            )

    def _ensure_crons(self):
        """Each connection has a push and a pull cron of its own: one slow company delays nobody."""
        model_id = self.env['ir.model']._get_id(self._name)
        for connection in self.sudo():
            plans = {
                'push_cron_id': ('Accounting sync: push of %s', '_cron_push', 10, 'minutes'),
                'pull_cron_id': ('Accounting sync: pull of %s', '_cron_pull', PULL_MINUTES, 'minutes'),
            }
            for name, (title, method, number, unit) in plans.items():
                if connection[name]:
                    # Odoo switches a cron off after repeated failures: a new consent is a new chance.
                    if not connection[name].active:
                        connection[name].active = True
                    continue
                connection[name] = (
                    self.env['ir.cron']
                    .sudo()
                    .create(
                        {
                            'name': title % connection.display_name,
                            'model_id': model_id,
                            'state': 'code',
                            'code': f'model.browse({connection.id}).{method}()',
                            'user_id': self.env.ref('base.user_root').id,
                            'interval_number': number,
                            'interval_type': unit,
                            'nextcall': fields.Datetime.now() + timedelta(**{unit: number}),
                        }
                    )
                )

    def _resume_work(self):
        """After a (re)connect: read the books, queue what was posted meanwhile, wake both drivers."""
        connection = self._as_driver()
        connection.env['fieldpromax.run']._start_initial(connection)
        connection.env['fieldpromax.exchange']._sweep(connection)
        connection._trigger_pull()
        connection._trigger_push()

    def _app_changed(self, provider):
        """The client id or secret was corrected: what the provider refused may go now."""
        suspended = self.search([('provider', '=', provider), ('state', '=', 'suspended')])
        for connection in suspended:
            connection._reinstate()

    def _reinstate(self):
        """The provider takes us again."""
        self.write({'state': 'connected', 'state_reason': False})
        self._close_activities()
        self._trigger_pull()
        self._trigger_push()

    # === STATE === #

    def _keep_alive(self):
        """Renew the tokens of an idle connection; see whether a suspended one is let in again.

        :raise ProviderError: what became of it.
        """
        self.ensure_one()
        if not self._is_own_database() or encryption.is_missing(self.env):
            return
        self.env['fieldpromax.credential'].sudo()._refresh_idle(self)
        self._warn_of_end()
        if self.state == 'suspended':
            organization = self._talk(lambda provider: provider.get_organization())
            self._reinstate()
            self._take_organization(organization)

    def _take_organization(self, organization):
        """Keep what a later look at the organization says, and write only what differs: push and pull would collide
        on the row. Never its currency or the id of the tie, which a look does not give."""
        self.ensure_one()
        values = self._organization_values(organization)
        changed = {
            name: value
            for name, value in values.items()
            if name not in ('currency_id', 'remote_connection_external_id')
            # What a look may leave out stays; a flag or a date that is gone is gone.
            and (value or self._fields[name].type in ('boolean', 'date'))
            and (self[name] or False) != (value or False)
        }
        if changed:
            self.write(changed)

    def _responsible(self):
        """Who is told: whoever connected, or another administrator of the company when that person has left."""
        self.ensure_one()
        group = self.env.ref('fieldpromax_accounting.fieldpromax_accounting_group_manager')

        def may(user):
            return (
                user.active
                and not user.share
                and group in user.all_group_ids
                and self.company_id in user.company_ids
            )

        person = self.connected_by_id.sudo()
        if person and may(person):
            return person
        users = (
            self.env['res.users']
            .sudo()
            .search([('all_group_ids', 'in', group.id), ('share', '=', False)], order='id')
        )
        return users.filtered(may)[:1]

    def _notify_responsible(self, summary, note):
        person = self._responsible()
        if person:
            # Without e-mail: a driver must not fail because of somebody's mail server.
            self.with_context(mail_activity_quick_update=True).activity_schedule(
                'mail.mail_activity_data_todo',
                summary=summary,
                # The note is HTML, and what it tells may come from the books: a name there must not become a link.
                note=Markup('<p>%s</p>') % note,
                user_id=person.id,
            )

    def _close_activities(self):
        self.activity_unlink(['mail.mail_activity_data_todo'])

    @api.model
    def _forget_secrets(self):
        """Drop every secret of this database that its key no longer opens; connections wait for a new consent."""
        if not encryption.is_missing(self.env):
            return
        encryption.forget(self.env)
        for connection in self.search([('state', 'in', ('connected', 'suspended'))]):
            connection.write(
                {
                    'state': 'reauth_required',
                    'state_reason': self.env._(
                        'The encryption key of this server was lost, and with it the consent. Enter the client secret '
                        'and connect again.'
                    ),
                }
            )

    # === DISCONNECTING === #

    def _end(self, reason):
        """No tie any more, without asking the provider: tokens are forgotten, links and history stay."""
        self.write({'state': 'disconnected', 'state_reason': reason, 'paused': False})
        self.env['fieldpromax.credential'].sudo().search([('connection_id', 'in', self.ids)]).unlink()
        self._close_activities()

    def _perform_removal(self):
        """Remove this organization, and no other, at the provider, then forget the tokens.

        Called by the push driver, under the connection's lock, for the exchange that Disconnect queued.

        :raise ProviderError: it could not be removed; the tokens are kept for the next try.
        """
        self.ensure_one()
        if not self._still_disconnected() or not self._is_own_database():
            return
        self._remove_at_provider()
        self.env['fieldpromax.credential'].sudo()._drop(self)

    def _still_disconnected(self):
        """As committed now: the driver's own snapshot may be older than a reconnect."""
        self.flush_recordset()
        with self.env.registry.cursor() as cr:
            cr.execute('SELECT state FROM fieldpromax_connection WHERE id = %s', (self.id,))
            row = cr.fetchone()
        return bool(row) and row[0] == 'disconnected'

    def _remove_at_provider(self, **timeouts):
        credential = self.env['fieldpromax.credential'].sudo()
        if not credential._token_set(self):
            return
        provider = self._provider_for(self.provider, **timeouts)
        try:
            credential._get_access_token(self, provider=provider)
            try:
                provider.remove_connection(self._organization(), credential._token_set(self))
            except errors.AccessTokenExpired:
                credential._get_access_token(
                    self, stale=credential._token_set(self).access_token, provider=provider
                )
                provider.remove_connection(self._organization(), credential._token_set(self))
        except (errors.AuthError, errors.PermissionMissing, errors.ConnectionRefused) as error:
            # Not ours any more: there is nothing left to remove.
            _logger.info('Connection %s: no consent left to remove (%s)', self.id, type(error).__name__)

    @api.model
    def _uninstall(self):
        """Take the consents of this database back, and our crons and parameters with us.

        A provider that does not answer stops nothing: it is tried once for each connection, for a few seconds, and for
        all of them no longer than a request may take.
        """
        connections = self.sudo().search([])  # pylint: disable=no-search-all; every one has to go
        deadline = time.monotonic() + UNINSTALL_SECONDS
        for connection in connections:
            if not connection._is_own_database():
                continue
            if time.monotonic() > deadline:
                _logger.info('Connection %s: not removed at the provider: no time is left', connection.id)
                continue
            try:
                with self.env.cr.savepoint():
                    connection._remove_at_provider(
                        connect_timeout=UNINSTALL_TIMEOUT_SECONDS, read_timeout=UNINSTALL_TIMEOUT_SECONDS
                    )
            except (errors.ProviderError, UserError) as error:
                _logger.info(
                    'Connection %s: not removed at the provider: %s', connection.id, type(error).__name__
                )
        crons = connections.push_cron_id | connections.pull_cron_id
        connections.write({'push_cron_id': False, 'pull_cron_id': False})
        # A cron leaves the action that it runs behind.
        actions = crons.ir_actions_server_id
        crons.unlink()
        actions.unlink()
        # Nobody else reads them, and a base URL that was left would move the next installation to another host.
        self.env['ir.config_parameter'].sudo().search([('key', '=like', 'fieldpromax_accounting.%')]).unlink()

    # === COPIES === #

    def _note_copy(self):
        """Is this database a copy? Noted once, with a task for an administrator: it talks to nobody until told.

        :return: whether it is one.
        """
        self.ensure_one()
        if self.state == 'disconnected' or not self._looks_copied():
            return False
        if self.state != 'copy':
            self.write({'state': 'copy', 'state_reason': False})
            provider = self._provider_label()
            self._notify_responsible(
                self.env._('%(provider)s: is this the real database?', provider=provider),
                self._silence_reason(),
            )
        return True

    # === ACTIONS === #

    def _check_action(self, group='manager'):
        """Whoever calls a button: its group, and access to this very connection.

        :raise AccessError: the person may not.
        :return: the connection with all rights.
        """
        self.ensure_one()
        if group == 'manager':
            self._check_manager()
        elif not self.env.is_superuser() and not self.env.user.has_group(
            f'fieldpromax_accounting.fieldpromax_accounting_group_{group}'
        ):
            raise AccessError(self.env._('Ask a bookkeeper to do this: your access rights do not allow it.'))
        self.check_access('read')
        if self.company_id not in self.env.user.company_ids and not self.env.is_superuser():
            raise AccessError(self.env._('This connection belongs to a company that you have no access to.'))
        return self.sudo()

    def action_reconnect(self):
        """Ask for a new consent."""
        connection = self._check_action()
        return connection._start_action(connection.provider, connection.company_id)

    @api.model
    def _start_action(self, provider, company):
        return {
            'type': 'ir.actions.act_url',
            'url': f'/fieldpromax/oauth/start/{provider}?company_id={company.id}',
            'target': 'self',
        }

    def action_confirm_disconnect(self):
        """Say what will and will not change, and ask."""
        connection = self._check_action()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Disconnect %(provider)s', provider=connection._provider_label()),
            'res_model': self._name,
            'res_id': connection.id,
            'view_mode': 'form',
            'views': [
                (
                    self.env.ref('fieldpromax_accounting.fieldpromax_connection_view_form_disconnect').id,
                    'form',
                )
            ],
            'target': 'new',
        }

    def action_disconnect(self):
        """End the tie. Returns at once: the provider is told by an exchange of its own."""
        connection = self._check_action()
        if connection.state != 'disconnected':
            removable = connection.state != 'reauth_required' and connection._is_own_database()
            reason = self.env._('%(person)s disconnected it.', person=self.env.user.name)
            if removable and self.env['fieldpromax.credential'].sudo().search_count(
                [('connection_id', '=', connection.id)], limit=1
            ):
                connection.write({'state': 'disconnected', 'state_reason': reason, 'paused': False})
                connection._close_activities()
                self.env['fieldpromax.exchange'].sudo()._enqueue(
                    connection, 'organization', self.env['res.partner']
                )
                connection._trigger_push()
            else:
                connection._end(reason)
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def action_pause(self):
        self._check_action().write({'paused': True})
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def action_resume(self):
        connection = self._check_action()
        connection.write({'paused': False})
        connection._trigger_pull()
        connection._trigger_push()
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def action_sync_now(self):
        """Wake both drivers, and have the invoices in the books looked over."""
        connection = self._check_action(group='bookkeeper')
        reason = connection._silence_reason()
        if reason:
            raise UserError(reason)
        # All kinds, whichever a webhook rang for a moment ago.
        self.env['fieldpromax.doorbell']._ring_all(connection)
        connection._trigger_pull()
        connection._trigger_push()
        self.env['fieldpromax.link']._ask_for_audit(connection)
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._(
                    'The sync with %(provider)s has started.', provider=connection._provider_label()
                ),
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }

    def action_claim_database(self):
        """ "This is the real database": from now on the copy is the other one."""
        connection = self._check_action()
        if connection._looks_copied():
            known = (
                self.env['fieldpromax.credential']
                .sudo()
                .search_count([('connection_id', '=', connection.id)])
            )
            values = (
                {'state': 'connected', 'state_reason': False}
                if known
                else {
                    'state': 'reauth_required',
                    'state_reason': self.env._('The tokens were removed from this database. Connect again.'),
                }
            )
            connection.write({**values, **connection._identity_values()})
            connection._close_activities()
            connection._trigger_pull()
            connection._trigger_push()
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def action_keep_apart(self):
        """ "Keep it apart": this database lets go, the provider and the original are not touched."""
        connection = self._check_action()
        if connection._looks_copied():
            connection._end(self.env._('This database is a copy and was kept apart from the original.'))
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def _after_connect_action(self):
        """Back to where the state of the connection is shown."""
        return {'type': 'ir.actions.act_url', 'url': self._home_url(), 'target': 'self'}

    @api.model
    def _home_url(self):
        """Settings for those who have them, otherwise the list of connections."""
        if self.env.user.has_group('base.group_system'):
            return '/odoo/settings#fieldpromax_accounting'
        return '/odoo/action-fieldpromax_accounting.fieldpromax_connection_action'

    def action_open_form(self):
        """The connection's own page."""
        self.check_access('read')
        return {
            'type': 'ir.actions.act_window',
            'res_model': self._name,
            'res_id': self.id,
            'view_mode': 'form',
            'views': [(False, 'form')],
        }

    def action_view_issues(self):
        return self._open_rows('issue', [('state', '=', 'open')])

    def action_view_conflicts(self):
        return self._open_rows('conflict', [('state', '=', 'open')])

    def action_view_field_rules(self):
        """Which fields of customers and products are kept in step, and which way."""
        self.ensure_one()
        self.check_access('read')
        self.env['fieldpromax.field.rule']._ensure(self)
        return self._open_rows('field_rule', [])

    def action_view_matches(self):
        return {
            **self._open_rows('match', PENDING_MATCHES),
            'context': {'search_default_best': 1, 'search_default_group_confidence': 1},
        }

    def action_view_waiting(self):
        return self._open_rows('exchange', [('state', 'not in', ('done', 'cancelled'))])

    def _open_rows(self, name, domain):
        """The page of that name, with the rows of this connection."""
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id(
            f'fieldpromax_accounting.fieldpromax_{name}_action'
        )
        return {**action, 'domain': [('connection_id', '=', self.id), *domain], 'context': {}}
