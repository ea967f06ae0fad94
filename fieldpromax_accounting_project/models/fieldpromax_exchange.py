from dataclasses import replace

from odoo import api, fields, models
from odoo.addons.fieldpromax_accounting import renaming
from odoo.addons.fieldpromax_accounting.holds import Hold
from odoo.addons.fieldpromax_accounting.models.fieldpromax_exchange import (
    LIVE_STATES,
    LOOK_AHEAD,
    OPEN_PREDICATE,
    Decision,
)
from odoo.addons.fieldpromax_accounting.providers import dto, errors, registry

from ..terms import CLOSED, TERMS, Comparison, effective_status, terms_of


class FieldpromaxExchange(models.Model):
    _inherit = 'fieldpromax.exchange'

    kind = fields.Selection(selection_add=[('project', 'Project')], ondelete={'project': 'cascade'})
    project_id = fields.Many2one(
        'project.project', index='btree_not_null', ondelete='set null', readonly=True
    )

    _open_project_unique = models.UniqueIndex(
        f'(connection_id, project_id) WHERE project_id IS NOT NULL AND {OPEN_PREDICATE}'
    )

    # === THE DRIVER === #

    @api.model
    def _sweep_connected(self, connection):
        """Projects that a failing hook left behind, too."""
        count = super()._sweep_connected(connection)
        if not connection.has_projects:
            return count
        return count + self.env['project.project'].sudo()._fieldpromax_sweep(connection)

    @api.model
    def _kind_order(self):
        """Projects after their customers, before the invoices that name them."""
        kinds = super()._kind_order()
        place = kinds.index('invoice')
        return (*kinds[:place], 'project', *kinds[place:])

    @api.model
    def _look_ahead(self, connection):
        """New projects are compared with the books as they are now, like new customers."""
        wanted = super()._look_ahead(connection)
        if connection.has_projects and 'project' in self._kinds_ready(connection):
            wanted['project'] = False
        return wanted

    @api.model
    def _claim(self, connection, kind):
        if kind == 'project' and 'project.create' not in registry.get(connection.provider).operations:
            return None
        return super()._claim(connection, kind)

    @api.model
    def _needed_by(self, connection, moves):
        """Projects that come with their first invoice, where the connection says so."""
        needed = super()._needed_by(connection, moves)
        if connection.has_projects and connection.project_push == 'invoiced':
            projects = self.env['project.project']
            for move in moves:
                project, problem = move._fieldpromax_choose_project(connection)
                if project and not problem and not project._fieldpromax_why_not(connection):
                    projects |= project
            needed['project'] = projects
        return needed

    @api.model
    def _queue_missing(self, connection):
        """The customers of projects that somebody asked for go first, where they are not in the books yet."""
        super()._queue_missing(connection)
        if not connection.has_projects:
            return
        projects = self._ready(connection, 'project', LOOK_AHEAD).project_id
        customers = projects.partner_id.commercial_partner_id
        linked = self.env['fieldpromax.link']._of(connection, customers)
        live = self.search(
            [
                ('connection_id', '=', connection.id),
                ('partner_id', 'in', customers.ids),
                ('state', 'in', LIVE_STATES),
            ]
        ).partner_id
        missing = (customers - live).filtered(
            lambda partner: partner.id not in linked and not partner._fieldpromax_why_not(connection)
        )
        self._enqueue(connection, 'contact', missing)

    # === STEP 1: CLAIM === #

    def _decide(self, connection, context):
        if self.kind == 'project' and self.project_id:
            link = self.env['fieldpromax.link']._of(connection, self.project_id).get(self.project_id.id)
            if link:
                return self._decide_project_update(connection, context, link)
        return super()._decide(connection, context)

    def _decide_project_update(self, connection, context, link):
        """What of a linked project has to go over.

        :raise Hold: both sides changed, each in its own way.
        """
        project = self.project_id
        comparison = link._compare_project()
        if comparison.conflicts:
            raise self._project_conflict(connection, comparison)
        if not comparison.to_send:
            return None
        terms = {name: comparison.ours[name] for name in comparison.to_send}
        name = terms.get('name', link.external_name)
        status, active = link.external_status or '', link.external_active
        if 'status' in terms:
            # Books without states of their own tell an ended project by its being inactive.
            status = terms['status'] if status else ''
            active = True if status else terms['status'] not in CLOSED
        data = dto.Project(
            name=name,
            contact_external_id=link.parent_external_id or '',
            external_id=link.external_id,
            version=link.external_version or '',
            status=status,
            is_sub_customer=link.is_sub_customer,
            active=active,
        )
        self._check_rules(context, data, project)
        return Decision('project.update', data, link.external_id)

    def _project_conflict(self, connection, comparison):
        provider = connection._provider_label()
        labels = {'name': self.env._('Name'), 'status': self.env._('State')}
        statuses = self._project_status_labels()
        reasons = [
            self.env._(
                '%(label)s: Odoo has "%(ours)s", %(provider)s has "%(theirs)s".',
                label=labels[name],
                ours=statuses.get(comparison.ours[name], comparison.ours[name]),
                theirs=statuses.get(comparison.theirs[name], comparison.theirs[name]),
                provider=provider,
            )
            for name in TERMS
            if name in comparison.conflicts
        ]
        return Hold(
            'project_conflict',
            f'project_conflict:{self.project_id.id}',
            self.env._('"%s" was changed on both sides', self.record_name),
            ' '.join(reasons),
            self.env._(
                'Open the project and choose which of the two stays, or make both the same; it then goes on by itself.'
            ),
            **self._record_values(),
        )

    def _start(self, decision, call=None):
        """What is sent of a project is remembered: the project may be edited while it is under way."""
        result = super()._start(decision, call)
        if self.kind == 'project':
            data = decision.data
            self.expected = {
                **self.expected,
                'ours': self.project_id._fieldpromax_terms(self.connection_id),
                'parent': data.contact_external_id,
                'status': effective_status(data.status, data.active),
            }
        return result

    def _wanted(self, call):
        wanted = super()._wanted(call)
        if self.kind != 'project':
            return wanted
        return replace(wanted, contact_external_id=self.expected.get('parent') or '')

    # === STEP 3: RECORD === #

    @api.model
    def _record_look_up(self, connection, found):
        """Names tell projects of one customer apart, not those of several."""
        projects = self.filtered(lambda exchange: exchange.kind == 'project')
        for exchange in projects:
            parent = exchange.expected.get('parent')
            own = [remote for remote in found if remote.contact_external_id == parent]
            super(FieldpromaxExchange, exchange)._record_look_up(connection, own)
        return super(FieldpromaxExchange, self - projects)._record_look_up(connection, found)

    def _differences(self, connection, remote):
        """Of a project that was there before, the state as well: books without states of their own tell by being active
        or not."""
        differences = super()._differences(connection, remote)
        if self.kind == 'project' and self.operation == 'project.update':
            there, wanted = effective_status(remote.status, remote.active), self.expected['status']
            same = there == wanted if remote.status else (there in CLOSED) == (wanted in CLOSED)
            if not same:
                labels = self._project_status_labels()
                differences.append(
                    self.env._(
                        'State: Odoo has %(ours)s, %(provider)s has %(theirs)s.',
                        ours=labels[wanted],
                        theirs=labels[there],
                        provider=connection._provider_label(),
                    )
                )
        return differences

    def _record_verification(self, connection, remote):
        if self.kind != 'project':
            return super()._record_verification(connection, remote)
        if remote is not None:
            return self._record_success(connection, remote)
        provider = connection._provider_label()
        return self._block(
            Hold(
                'gone',
                f'gone:project:{self.project_id.id}',
                self.env._('"%(name)s" is gone from %(provider)s', name=self.record_name, provider=provider),
                self.env._('It was there before, and has been deleted in %s since.', provider),
                self.env._('Archive the project here as well, or make it anew in %s.', provider),
                can_retry=True,
                **self._record_values(),
            )
        )

    @api.model
    def _project_status_labels(self):
        field = self.env['project.project.stage']._fields['fieldpromax_status']
        return dict(field._description_selection(self.env))

    def _record_success(self, connection, remote, *args, **kwargs):
        if self.kind != 'project':
            return super()._record_success(connection, remote, *args, **kwargs)
        ours = (self.expected or {}).get('ours')
        link = self.env['fieldpromax.link']._of(connection, self.project_id).get(self.project_id.id)
        before = link.baseline if link else None
        result = super()._record_success(connection, remote, *args, **kwargs)
        link = self.env['fieldpromax.link']._of(connection, self.project_id).get(self.project_id.id)
        if link and ours:
            comparison = Comparison(before, ours, terms_of(remote))
            sent = {name for name in TERMS if not before or ours[name] != before['ours'].get(name)}
            link.baseline = comparison.baseline(agreed=sent)
        return result

    def _record_refusal(self, connection, error):
        """The names of customers and of projects share one list in the books."""
        if self.kind != 'project' or not isinstance(error, errors.Conflict) or error.code == 'stale':
            return super()._record_refusal(connection, error)
        provider = connection._provider_label()
        words = ' '.join(error.details) or error.message
        suggestion = renaming.suggest_for(
            connection._deciding_provider(),
            'project',
            'name',
            self.project_id,
            self.expected.get('name') or '',
            addition=self.env._('Project'),
        )
        return self._block(
            Hold(
                'taken',
                f'taken:project:{self.project_id.id}',
                self.env._(
                    'The name "%(name)s" is taken in %(provider)s', name=self.record_name, provider=provider
                ),
                self.env._('%(provider)s: "%(words)s"', provider=provider, words=words),
                self.env._('Give the project another name here, or rename the other one in %s.', provider),
                can_retry=True,
                suggestion=suggestion,
                **self._record_values(),
            )
        )
