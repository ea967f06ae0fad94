from odoo import api, fields, models
from odoo.exceptions import UserError

from ..providers import dto


class FieldpromaxAuthorizationOrganization(models.Model):
    """One organization that a consent covers, and whether it can be connected to the company."""

    _name = 'fieldpromax.authorization.organization'
    _description = 'Organization of a consent'
    _order = 'connectable desc, name, id'
    _check_company_auto = True

    authorization_id = fields.Many2one(
        'fieldpromax.authorization', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='authorization_id.company_id', store=True, index=True)
    name = fields.Char('Organization', required=True, readonly=True)
    external_id = fields.Char(required=True, readonly=True)
    country_id = fields.Many2one('res.country', readonly=True)
    currency = fields.Char(readonly=True)
    currencies = fields.Char(readonly=True)
    is_demo = fields.Boolean('Demo company', readonly=True)
    short_code = fields.Char(readonly=True)
    lock_date = fields.Date(readonly=True)
    timezone = fields.Char(readonly=True)
    remote_connection_external_id = fields.Char(readonly=True)
    numbers_documents = fields.Boolean(readonly=True)
    computes_tax = fields.Boolean(readonly=True)
    has_projects = fields.Boolean(readonly=True)
    connectable = fields.Boolean(readonly=True)
    reason = fields.Char('Why not', readonly=True)
    confirmation = fields.Char(compute='_compute_confirmation')

    @api.model
    def _create_from(self, authorization, organizations):
        """
        :param organizations: :class:`~..providers.dto.Organization` objects.
        :return: one row each.
        """
        countries = {
            country.code: country.id
            for country in self.env['res.country'].search(
                [('code', 'in', [row.country for row in organizations])]
            )
        }
        rows = self.create(
            [
                {
                    'authorization_id': authorization.id,
                    'external_id': organization.external_id,
                    'name': organization.name or organization.external_id,
                    'country_id': countries.get(organization.country, False),
                    'currency': organization.currency,
                    'currencies': ','.join(organization.currencies),
                    'is_demo': organization.is_demo,
                    'short_code': organization.short_code,
                    'lock_date': organization.lock_date or False,
                    'timezone': organization.timezone,
                    'remote_connection_external_id': organization.remote_connection_id,
                    'numbers_documents': organization.numbers_documents,
                    'computes_tax': organization.computes_tax,
                    'has_projects': organization.has_projects,
                }
                for organization in organizations
            ]
        )
        for row in rows:
            row.reason = row._refusal()
            row.connectable = not row.reason
        return rows

    def _refusal(self):
        """Why this organization cannot be connected to the company, '' when it can."""
        self.ensure_one()
        company = self.company_id
        if not self.currency:
            return self.env._(
                'The base currency of %(organization)s could not be read. Click Connect again in some minutes.',
                organization=self.name,
            )
        if self.currency != company.currency_id.name:
            return self.env._(
                '%(organization)s keeps its books in %(theirs)s and %(company)s in %(ours)s. Only organizations in '
                '%(ours)s can be connected.',
                organization=self.name,
                theirs=self.currency,
                company=company.name,
                ours=company.currency_id.name,
            )
        others = self.env['fieldpromax.connection'].sudo()
        other = others.search(
            [
                ('provider', '=', self.authorization_id.provider),
                ('organization_external_id', '=', self.external_id),
                ('company_id', '!=', company.id),
                ('state', '!=', 'disconnected'),
            ],
            limit=1,
        )
        if other:
            # Companies that a person has no access to stay unnamed.
            visible = other.company_id in self.authorization_id.user_id.company_ids
            return (
                self.env._(
                    '%(organization)s is connected to %(company)s already. Disconnect it there first.',
                    organization=self.name,
                    company=other.company_id.name,
                )
                if visible
                else self.env._(
                    '%(organization)s is connected to another company of this database already. '
                    'Disconnect it there first.',
                    organization=self.name,
                )
            )
        return ''

    @api.depends('external_id', 'authorization_id')
    def _compute_confirmation(self):
        for row in self:
            row.confirmation = row._needed_confirmation()

    def _needed_confirmation(self):
        """What has to be confirmed because the company was connected to another organization, '' when
        nothing has to."""
        former = (
            self.env['fieldpromax.connection'].sudo()._latest(self.company_id, self.authorization_id.provider)
        )
        if not former or former.organization_external_id == self.external_id:
            return ''
        links = self.env['fieldpromax.link'].sudo().search_count([('connection_id', '=', former.id)])
        return self.env._(
            'So far %(company)s was connected to %(former)s. Its %(links)s, its history and its settings are kept '
            'for the day you connect it again, but nothing of them is used for %(organization)s: customers, products '
            'and invoices start anew there.',
            company=self.company_id.name,
            former=former.organization_name,
            links=self.env._('1 link') if links == 1 else self.env._('%s links', links),
            organization=self.name,
        )

    def _as_dto(self):
        self.ensure_one()
        return dto.Organization(
            external_id=self.external_id,
            name=self.name,
            currency=self.currency or '',
            country=self.country_id.code or '',
            remote_connection_id=self.remote_connection_external_id or '',
            short_code=self.short_code or '',
            is_demo=self.is_demo,
            timezone=self.timezone or '',
            currencies=tuple(filter(None, (self.currencies or '').split(','))),
            lock_date=self.lock_date or None,
            numbers_documents=self.numbers_documents,
            computes_tax=self.computes_tax,
            has_projects=self.has_projects,
        )

    # === ACTIONS === #

    def action_connect(self):
        """Connect this organization.

        :raise UserError: it cannot be connected, or another organization was connected before: then
            :meth:`action_connect_anyway`, which asks first, is the way.
        """
        return self._connect_chosen(confirmed=False)

    def action_connect_anyway(self):
        return self._connect_chosen(confirmed=True)

    def _connect_chosen(self, confirmed):
        self.ensure_one()
        self.env['fieldpromax.connection']._check_manager()
        self.check_access('read')
        row = self.sudo()
        if (
            row.authorization_id.state != 'exchanged'
            or row.authorization_id.expires_at < fields.Datetime.now()
        ):
            raise UserError(
                self.env._(
                    'This consent is no longer open. Go to the settings and click Connect to start a new one.'
                )
            )
        connection = self.env['fieldpromax.connection']._connect(row, confirmed=confirmed)
        return connection._after_connect_action()
