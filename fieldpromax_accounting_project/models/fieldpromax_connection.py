from odoo import api, fields, models


class FieldpromaxConnection(models.Model):
    _inherit = 'fieldpromax.connection'

    has_projects = fields.Boolean(
        compute='_compute_has_projects', help='The accounting software knows projects of customers.'
    )
    project_push = fields.Selection(
        [('manual', 'By hand'), ('invoiced', 'When first invoiced'), ('created', 'When created')],
        'Make projects in the books',
        required=True,
        default='manual',
        tracking=True,
    )
    project_as_sub_customer = fields.Boolean(
        'As sub-customer without projects',
        tracking=True,
        help='Where the organization cannot have projects, a project is made as a customer below its customer.',
    )
    project_plan_text = fields.Char(compute='_compute_project_plan_text')
    project_count = fields.Integer('Projects', compute='_compute_counts')

    # === COMPUTE METHODS === #

    @api.depends('provider')
    def _compute_has_projects(self):
        for connection in self:
            connection.has_projects = bool(connection.provider) and connection._capabilities().projects

    @api.depends('provider', 'organization_name', 'organization_has_projects', 'project_as_sub_customer')
    def _compute_project_plan_text(self):
        for connection in self:
            values = {
                'organization': connection.organization_name or '',
                'provider': connection._provider_label() if connection.provider else '',
            }
            if not connection.has_projects or connection.organization_has_projects:
                connection.project_plan_text = False
            elif connection.project_as_sub_customer:
                connection.project_plan_text = self.env._(
                    'The plan of %(organization)s has no projects: what is made from Odoo becomes a sub-customer of '
                    'its customer in %(provider)s.',
                    **values,
                )
            else:
                connection.project_plan_text = self.env._(
                    'The plan of %(organization)s has no projects, so none can be made in %(provider)s. Turn projects '
                    'on there, or let an administrator allow sub-customers instead, on the page of the connection.',
                    **values,
                )

    def _compute_counts(self):
        result = super()._compute_counts()
        links = self._count_by(
            'fieldpromax.link', 'kind', [('kind', '=', 'project'), ('decision', '=', False)]
        )
        for connection in self:
            connection.project_count = links.get(connection.id, {}).get('project', 0)
        return result

    # === HELPERS === #

    @api.model
    def _match_kinds(self):
        return (*super()._match_kinds(), 'project')

    @api.model
    def _match_text_of(self, kind, count):
        if kind == 'project':
            return self.env._('1 project') if count == 1 else self.env._('%s projects', count)
        return super()._match_text_of(kind, count)

    @api.model
    def _settings_fields(self):
        return (*super()._settings_fields(), 'project_push', 'project_as_sub_customer')

    def _makes_projects(self):
        """Can a new project be made in these books, as a project or as a sub-customer?"""
        self.ensure_one()
        return self.has_projects and (self.organization_has_projects or self.project_as_sub_customer)

    def _project_push_text(self):
        """When a project that may be made in the books is made there."""
        self.ensure_one()
        if self.project_push == 'invoiced':
            return self.env._('It is made there with its first invoice, or now with the button.')
        if self.project_push == 'created':
            return self.env._(
                'New projects of customers that are there are made there; use the button for this one.'
            )
        return self.env._('Projects are made there by hand: use the button.')
