from datetime import timedelta

from odoo import api, fields, models
from odoo.addons.fieldpromax_accounting.matching import one_line
from odoo.addons.fieldpromax_accounting.models.fieldpromax_sync_mixin import FieldpromaxSyncMixin
from odoo.addons.fieldpromax_accounting.providers import dto
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..terms import CLOSED, effective_status

STATES = [
    ('linked', 'Linked'),
    ('waiting', 'Waiting'),
    ('retrying', 'Retrying'),
    ('attention', 'Needs attention'),
    ('review', 'Match review'),
    ('not_sent', 'Not sent'),
]
EXCHANGE_TO_STATE = {
    'queued': 'waiting',
    'sending': 'waiting',
    'retry': 'retrying',
    'uncertain': 'retrying',
    'blocked': 'attention',
}
# Name and state are kept in step; the customer decides whether the project can go over at all.
WATCHED_FIELDS = {'name', 'active', 'stage_id', 'partner_id'}

SWEEP_LIMIT = 5000


class ProjectProject(models.Model):
    _name = 'project.project'
    _inherit = ['project.project', 'fieldpromax.sync.mixin']

    _fieldpromax_kind = 'project'
    _fieldpromax_states = EXCHANGE_TO_STATE
    _fieldpromax_described = (*FieldpromaxSyncMixin._fieldpromax_described, 'has_projects', 'is_conflict')

    fieldpromax_state = fields.Selection(
        STATES,
        'Accounting state',
        compute='_compute_fieldpromax_state',
        search='_search_fieldpromax_state',
        compute_sudo=True,
        groups='base.group_user',
    )
    fieldpromax_has_projects = fields.Boolean(
        compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_is_conflict = fields.Boolean(
        compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )

    # === COMPUTE METHODS === #

    @api.depends_context('company')
    @api.depends('name', 'active', 'stage_id', 'partner_id', 'company_id', 'is_template')
    def _compute_fieldpromax_state(self):
        """In batch, from the links and live exchanges of the connection that serves the project's company."""
        for connection, projects in self._fieldpromax_by_connection():
            if not connection.has_projects:
                projects._fieldpromax_set_state()
                continue
            # New records, which a form shows before they are saved, have no rows of ours.
            ids = [project.id for project in projects if isinstance(project.id, int)]
            links = self.env['fieldpromax.link']._of(connection, self.browse(ids))
            exchanges = self.browse(ids)._fieldpromax_live_exchanges(connection)
            review = (
                self.env['fieldpromax.match']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('project_id', 'in', ids),
                        ('decision', '=', 'pending'),
                    ]
                )
                .project_id
            )
            for project in projects:
                project._fieldpromax_describe(
                    connection, links.get(project.id), exchanges.get(project.id), project in review
                )

    def _fieldpromax_by_connection(self):
        """``[(connection, projects)]`` by the connection that serves each project's company, or the current one."""
        groups = {}
        for project in self:
            company = project.company_id or self.env.company
            groups[company] = groups.get(company, self.browse()) | project
        active_for = self.env['fieldpromax.connection'].sudo()._active_for
        return [(active_for(company), projects) for company, projects in groups.items()]

    def _fieldpromax_connection(self):
        self.ensure_one()
        return self._fieldpromax_by_connection()[0][0]

    def _fieldpromax_describe(self, connection, link, exchange, in_review):
        """State, reason and next step of one project."""
        provider = connection._provider_label()
        shared = {
            'provider_label': provider,
            'has_projects': True,
            'external_id': link.external_id if link else False,
        }
        silence = connection._silence_reason()
        if exchange:
            state = EXCHANGE_TO_STATE[exchange.state]
            reason = exchange.reason or silence
            if state != 'attention' and silence:
                reason = self.env._('It waits: %s', silence)
            headlines = {
                'waiting': self.env._('%s: Waiting', provider),
                'retrying': self.env._('%s: Retrying', provider),
                'attention': self.env._('%s: Needs attention', provider),
            }
            self._fieldpromax_set_state(
                state=state,
                headline=headlines[state],
                reason=reason,
                can_retry=exchange.can_retry,
                is_conflict=exchange.issue_id.cause == 'project_conflict',
                issue_id=exchange.issue_id.id,
                **shared,
            )
        elif link:
            labels = dict(
                self.env['project.project.stage']
                ._fields['fieldpromax_status']
                ._description_selection(self.env)
            )
            status = link._project_terms()['status']
            self._fieldpromax_set_state(
                state='linked',
                headline=self.env._(
                    '%(provider)s: %(name)s · %(status)s',
                    provider=provider,
                    name=link.external_name or '',
                    status=labels[status],
                ),
                reason=self.env._('It is kept there as a sub-customer.') if link.is_sub_customer else False,
                **shared,
            )
        elif in_review:
            self._fieldpromax_set_state(
                state='review',
                headline=self.env._('%s: Match review', provider),
                reason=self.env._('The books have a project like it. Open Match review and decide.'),
                **shared,
            )
        else:
            why_not = self._fieldpromax_why_not(connection)
            self._fieldpromax_set_state(
                state='not_sent',
                headline=self.env._('%s: Not there', provider),
                reason=why_not or silence or connection._project_push_text(),
                can_push=not why_not and not silence and isinstance(self.id, int),
                **shared,
            )

    def _search_fieldpromax_state(self, operator, value):
        if operator != 'in':
            return NotImplemented
        return Domain.OR([self._fieldpromax_state_domain(state) for state in value if state])

    def _fieldpromax_state_domain(self, state):
        linked = Domain('id', 'in', self._fieldpromax_subquery('link'))
        live = Domain('id', 'in', self._fieldpromax_subquery('exchange', tuple(EXCHANGE_TO_STATE)))
        review = Domain('id', 'in', self._fieldpromax_subquery('match', ('pending',), 'decision'))
        if state == 'linked':
            return linked & ~live
        if state == 'review':
            return review & ~linked & ~live
        if state == 'not_sent':
            return ~linked & ~live & ~review
        states = tuple(name for name, own in EXCHANGE_TO_STATE.items() if own == state)
        return Domain('id', 'in', self._fieldpromax_subquery('exchange', states))

    # === HOOKS === #

    @api.model_create_multi
    def create(self, vals_list):
        projects = super().create(vals_list)
        projects._fieldpromax_queue_if('new')
        return projects

    def write(self, vals):
        result = super().write(vals)
        if WATCHED_FIELDS & vals.keys():
            self._fieldpromax_queue_if('new' if 'partner_id' in vals else 'changed')
        return result

    def _fieldpromax_queue(self, event):
        """Linked projects whose name or state changed; new ones where the connection sends them when they are made.

        :param event: ``new``: the project was just made, or has just got its customer; ``changed``
        """
        exchange = self.env['fieldpromax.exchange']
        links = self.env['fieldpromax.link'].search(
            [('project_id', 'in', self.ids), ('connection_id.state', '!=', 'disconnected')]
        )
        for connection, own in links.grouped('connection_id').items():
            changed = own.filtered(
                lambda link: connection.has_projects and link._compare_project().to_send  # noqa: B023 used at once
            ).project_id
            if changed:
                exchange._enqueue(connection, 'project', changed)
                connection._trigger_push()
        if event != 'new':
            return
        for connection, projects in (self - links.project_id)._fieldpromax_by_connection():
            if not connection.has_projects or connection.project_push != 'created':
                continue
            customers = projects.mapped('partner_id.commercial_partner_id') | projects.partner_id
            known = self.env['fieldpromax.link']._of(connection, customers)
            chosen = projects.filtered(
                lambda project: (
                    project._fieldpromax_customer().id in known  # noqa: B023
                    and not project._fieldpromax_why_not(connection)  # noqa: B023
                )
            )
            if chosen:
                exchange._enqueue(connection, 'project', chosen)
                connection._trigger_push()

    @api.model
    def _fieldpromax_sweep(self, connection):
        """Queue what a failing hook left behind; returns how many: linked projects that were edited after their link
        was, and what was made within a day where new ones go over when they are made."""
        link_query = (
            self.env['fieldpromax.link']
            .sudo()
            ._search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'project'),
                    ('project_id', '!=', False),
                ]
            )
        )
        live = self._fieldpromax_subquery('exchange', tuple(EXCHANGE_TO_STATE))
        companies = [False, *connection._served_companies().ids]
        edited = SQL(
            """(SELECT p.id FROM project_project p JOIN fieldpromax_link l ON l.project_id = p.id
                 WHERE l.connection_id = %s AND p.write_date > l.write_date)""",
            connection.id,
        )
        changed = self.with_context(active_test=False).search(
            [('id', 'in', edited), ('id', 'not in', live)], limit=SWEEP_LIMIT
        )
        changed._fieldpromax_queue('changed')
        new = self.browse()
        if connection.project_push == 'created':
            new = self.search(
                [
                    ('create_date', '>=', fields.Datetime.now() - timedelta(days=1)),
                    ('company_id', 'in', companies),
                    ('partner_id', '!=', False),
                    ('id', 'not in', link_query.subselect('project_id')),
                    ('id', 'not in', live),
                ],
                limit=SWEEP_LIMIT,
            )
            new._fieldpromax_queue('new')
        return len(changed | new)

    # === ACTIONS === #

    def action_fieldpromax_push(self):
        """Make these projects in the books; their customers go first where they are not there yet."""
        self._fieldpromax_check_person()
        chosen, refusals = self.browse(), []
        for connection, projects in self._fieldpromax_by_connection():
            for project in projects.sudo():
                why_not = (
                    project._fieldpromax_why_not(connection)
                    if connection.has_projects
                    else self.env._('No accounting software with projects is connected.')
                )
                if not why_not and project.fieldpromax_external_id:
                    why_not = self.env._('It is in the books already.')
                if why_not:
                    refusals.append(
                        self.env._('%(name)s: %(reason)s', name=project.display_name, reason=why_not)
                    )
                else:
                    chosen |= project
            own = projects & chosen
            if own:
                self.env['fieldpromax.exchange'].sudo()._enqueue(
                    connection, 'project', own.sudo(), forced=True
                )
                connection._trigger_push()
        message = ''
        if chosen:
            message = (
                self.env._('1 project is on its way.')
                if len(chosen) == 1
                else self.env._('%s projects are on their way.', len(chosen))
            )
        return self._fieldpromax_tell_queued(message, refusals[:5])

    def action_fieldpromax_keep_ours(self):
        """Both sides changed: what Odoo has goes to the books."""
        for connection, link, comparison in self._fieldpromax_conflicts():
            baseline = comparison.baseline()
            for name in comparison.conflicts:
                baseline['theirs'][name] = comparison.theirs[name]
            link.baseline = baseline
            self.env['fieldpromax.exchange'].sudo()._enqueue(connection, 'project', link.project_id)
            connection._trigger_push()
        return True

    def action_fieldpromax_take_theirs(self):
        """Both sides changed: what the books have is taken over."""
        for connection, link, comparison in self._fieldpromax_conflicts():
            taken = comparison.conflicts
            link.project_id._fieldpromax_take(connection, {name: comparison.theirs[name] for name in taken})
            link.baseline = link._compare_project().baseline(agreed=taken)
            self.env['fieldpromax.exchange'].sudo()._enqueue(connection, 'project', link.project_id)
            connection._trigger_push()
        return True

    def _fieldpromax_conflicts(self):
        """``[(connection, link, comparison)]`` of these projects where both sides changed, with all rights.

        :raise UserError: there is nothing to decide.
        """
        self._fieldpromax_check_person()
        self.check_access('write')
        found = []
        for connection, projects in self._fieldpromax_by_connection():
            links = self.env['fieldpromax.link'].sudo()._of(connection, projects) if connection else {}
            for link in links.values():
                comparison = link._compare_project()
                if comparison.conflicts:
                    found.append((connection, link, comparison))
        if not found:
            raise UserError(self.env._('There is nothing to decide: both sides agree. Reload the page.'))
        return found

    def _fieldpromax_check_person(self):
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_user'):
            raise UserError(
                self.env._('Only people who work with invoices can change projects in the books.')
            )
        self.check_access('read')

    # === WHAT IS KEPT IN STEP === #

    def _fieldpromax_terms(self, connection):
        """``{'name', 'status'}`` as this side has them."""
        self.ensure_one()
        language = connection.company_id.partner_id.lang or 'en_US'
        return {
            'name': one_line(self.with_context(lang=language).name),
            'status': self._fieldpromax_status(),
        }

    @api.model
    def _fieldpromax_uses_stages(self):
        return self.env['res.groups']._is_feature_enabled('project.group_project_stages')

    def _fieldpromax_status(self):
        """The stage says it where stages are in use; archived is done unless the stage says cancelled."""
        self.ensure_one()
        stage = self.sudo().stage_id if self._fieldpromax_uses_stages() else None
        return effective_status(stage.fieldpromax_status if stage else '', self.active)

    def _fieldpromax_takes_from(self, connection):
        """A project of no company that several connections keep in step takes values from none of them."""
        self.ensure_one()
        if self.company_id:
            return True
        links = (
            self.env['fieldpromax.link']
            .sudo()
            .search([('project_id', '=', self.id), ('connection_id.state', '!=', 'disconnected')])
        )
        return links.connection_id <= connection

    def _fieldpromax_take(self, connection, terms):
        """Take over what the books have: no mail, no tracking, and nothing of it is sent back."""
        self.ensure_one()
        values = {}
        if terms.get('name'):
            values['name'] = terms['name']
        if 'status' in terms:
            values |= self._fieldpromax_status_values(terms['status'])
        if values:
            self.with_context(
                lang=connection.company_id.partner_id.lang or 'en_US',
                fieldpromax_no_push=True,
                tracking_disable=True,
                mail_notrack=True,
            ).write(values)

    def _fieldpromax_status_values(self, status):
        """How this database says ``status``: by a stage where these are in use and one fits, else by the archive."""
        self.ensure_one()
        closed = status in CLOSED
        if self._fieldpromax_status() == status:
            return {}
        if not self._fieldpromax_uses_stages():
            return {'active': not closed} if closed == self.active else {}
        stages = self.env['project.project.stage'].search([('company_id', 'in', (False, self.company_id.id))])
        stage = stages.filtered(lambda stage: stage.fieldpromax_status == status) or stages.filtered(
            lambda stage: not closed and stage.fieldpromax_status not in CLOSED
        )
        if not stage:
            return {'active': not closed}
        return {'stage_id': stage[0].id} if closed else {'stage_id': stage[0].id, 'active': True}

    # === WHAT GOES OVER === #

    def _fieldpromax_company(self, connection):
        """The company that an exchange or link of this project carries: the connection's."""
        return connection.company_id

    def _fieldpromax_customer(self):
        """The customer that the books have: a contact person or address stands for its company."""
        self.ensure_one()
        return self.partner_id.commercial_partner_id

    def _fieldpromax_why_not(self, connection):
        """Why this project is not to be made in the books, as a sentence; '' when it may be."""
        self.ensure_one()
        name = self.name or ''
        customer = self._fieldpromax_customer()
        if self.is_template:
            return self.env._('"%s" is a template.', name)
        if not customer:
            return self.env._('The project "%s" has no customer, below which the books would keep it.', name)
        if self.company_id and self.company_id not in connection._served_companies():
            return self.env._('The project "%s" belongs to another company.', name)
        if not self.active:
            return self.env._('The project "%s" is archived.', name)
        why_not = customer._fieldpromax_why_not(connection)
        if why_not:
            return why_not
        if not connection._makes_projects():
            return connection.project_plan_text
        return ''

    def _fieldpromax_prepare(self, connection, _resolver):
        """This project as the provider layer takes it, for one that is not in the books yet.

        :raise WaitFor, Hold: its customer is not in the books yet, or cannot be used there.
        """
        self.ensure_one()
        customer = self._fieldpromax_customer()
        links = self.env['fieldpromax.link']._of(connection, customer)
        contact = self.env['fieldpromax.exchange']._needed_link(links, 'contact', customer, connection)
        terms = self._fieldpromax_terms(connection)
        return dto.Project(
            name=terms['name'],
            contact_external_id=contact.external_id,
            status=terms['status'],
            is_sub_customer=not connection.organization_has_projects,
        )
