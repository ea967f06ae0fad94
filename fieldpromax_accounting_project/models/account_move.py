from odoo import api, fields, models
from odoo.addons.fieldpromax_accounting.holds import WaitFor
from odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange import LIVE_STATES, OPEN_STATES


class AccountMove(models.Model):
    _inherit = 'account.move'

    fieldpromax_project_id = fields.Many2one(
        'project.project',
        'Project in the books',
        copy=False,
        index='btree_not_null',
        ondelete='set null',
        help='The project that this invoice belongs to in the books. Empty: the one that its lines carry by their '
        'analytic account.',
    )
    fieldpromax_has_projects = fields.Boolean(
        compute='_compute_fieldpromax_project', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_project_text = fields.Char(
        compute='_compute_fieldpromax_project', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_project_problem = fields.Char(
        compute='_compute_fieldpromax_project', compute_sudo=True, groups='base.group_user'
    )

    # === COMPUTE METHODS === #

    @api.depends(
        'move_type',
        'company_id',
        'commercial_partner_id',
        'currency_id',
        'fieldpromax_project_id',
        'invoice_line_ids.analytic_distribution',
    )
    def _compute_fieldpromax_project(self):
        for company, moves in self.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            for move in moves:
                shown = connection.has_projects and move.move_type in ('out_invoice', 'out_refund')
                text, problem = move._fieldpromax_describe_project(connection) if shown else ('', '')
                move.fieldpromax_has_projects = shown
                move.fieldpromax_project_text = text
                move.fieldpromax_project_problem = problem

    def _fieldpromax_describe_project(self, connection):
        """``(sentence, problem)``: the project that it goes with, or why it goes without the one it seems to have."""
        project, problem = self._fieldpromax_choose_project(connection)
        if not project or problem:
            return '', problem
        provider = connection._provider_label()
        link = self.env['fieldpromax.link']._of(connection, project).get(project.id)
        if link:
            return self.env._(
                'Its project in %(provider)s: %(name)s', provider=provider, name=link.external_name
            ), ''
        if self._fieldpromax_live_project(connection, project):
            return self.env._('The invoice waits until "%s" is in the books.', project.name), ''
        why_not = project._fieldpromax_why_not(connection)
        if not why_not and connection.project_push == 'invoiced':
            return self.env._(
                '"%(name)s" is made in %(provider)s with this invoice.', name=project.name, provider=provider
            ), ''
        if not why_not:
            why_not = self.env._('Create it there first, on the page of the project.')
        return '', self.env._(
            'Without project: "%(name)s" is not in %(provider)s. %(reason)s',
            name=project.name,
            provider=provider,
            reason=why_not,
        )

    # === HOOKS === #

    def write(self, vals):
        result = super().write(vals)
        if 'fieldpromax_project_id' in vals:
            # An invoice that waits for its project may go now.
            self.env['fieldpromax.exchange'].sudo().search(
                [
                    ('move_id', 'in', self.ids),
                    ('state', 'in', OPEN_STATES),
                    ('connection_id.state', '!=', 'disconnected'),
                ]
            )._requeue()
        return result

    # === WHAT GOES OVER === #

    def _fieldpromax_choose_project(self, connection):
        """``(project, problem)``: the one that somebody chose, else the one whose analytic account the lines carry.

        ``problem`` says why there is none although the lines name some; the invoice then goes without.
        """
        self.ensure_one()
        projects = self.fieldpromax_project_id.sudo() or self._fieldpromax_projects_of_lines()
        if len(projects) > 1:
            return projects.browse(), self.env._(
                'Without project: its lines belong to several (%s). Choose one in "Project in the books" to name it.',
                ', '.join(sorted(projects.mapped('name'))[:5]),
            )
        customer = self.commercial_partner_id
        if projects and projects._fieldpromax_customer() != customer:
            return projects.browse(), self.env._(
                'Without project: "%(project)s" is not a project of "%(customer)s".',
                project=projects.name,
                customer=customer.name or '',
            )
        link = (
            self.env['fieldpromax.link'].sudo()._of(connection, projects).get(projects.id)
            if projects
            else None
        )
        if link and not link.external_active:
            return projects.browse(), self.env._(
                'Without project: "%(project)s" is inactive in %(provider)s, which takes no invoices for it.',
                project=projects.name,
                provider=connection._provider_label(),
            )
        if link and link.parent_external_id:
            role = connection._contact_role(self.currency_id)
            contact = self.env['fieldpromax.link'].sudo()._of(connection, customer, role).get(customer.id)
            if contact and contact.external_id != link.parent_external_id:
                return projects.browse(), self.env._(
                    'Without project: "%(project)s" stands below "%(customer)s" in %(provider)s with invoices in '
                    'another currency.',
                    project=projects.name,
                    customer=customer.name or '',
                    provider=connection._provider_label(),
                )
        return projects, ''

    def _fieldpromax_projects_of_lines(self):
        """Projects whose analytic account stands on a line; of several with the same account, the customer's."""
        accounts = {
            int(account_id)
            for line in self.invoice_line_ids
            for key in line.analytic_distribution or {}
            for account_id in str(key).split(',')
            if account_id.isdecimal()
        }
        found = self.env['project.project'].sudo()
        if not accounts:
            return found
        projects = found.with_context(active_test=False).search(
            [('account_id', 'in', list(accounts)), ('is_template', '=', False)]
        )
        for own in projects.grouped('account_id').values():
            of_customer = own.filtered(
                lambda project: project._fieldpromax_customer() == self.commercial_partner_id
            )
            found |= of_customer or own
        return found

    def _fieldpromax_live_project(self, connection, project):
        """The exchange by which a project is on its way to the books."""
        return (
            self.env['fieldpromax.exchange']
            .sudo()
            .search(
                [
                    ('connection_id', '=', connection.id),
                    ('project_id', '=', project.id),
                    ('state', 'in', LIVE_STATES),
                ],
                order='id desc',
                limit=1,
            )
        )

    def _fieldpromax_project(self, connection):
        if not connection.has_projects:
            return super()._fieldpromax_project(connection)
        project, problem = self._fieldpromax_choose_project(connection)
        if not project or problem:
            return ''
        link = self.env['fieldpromax.link']._of(connection, project).get(project.id)
        if link:
            return link.external_id
        exchange = self._fieldpromax_live_project(connection, project)
        if exchange.state == 'blocked' and exchange.issue_id:
            raise exchange.issue_id._as_hold()
        waits = connection.project_push == 'invoiced' and not project._fieldpromax_why_not(connection)
        if exchange or waits:
            raise WaitFor(
                self.env._('Waits for "%s", which has to be in the books first.', project.name),
                exchange.next_attempt_at or None,
            )
        return ''
