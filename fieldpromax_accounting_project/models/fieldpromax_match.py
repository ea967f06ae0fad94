from collections import Counter, defaultdict
from dataclasses import dataclass

from odoo import api, fields, models
from odoo.addons.fieldpromax_accounting.matching import (
    SNAPSHOT_CLASSES,
    one_line,
    snapshot,
    text_key,
    text_key_sql,
)
from odoo.addons.fieldpromax_accounting.models.fieldpromax_match import CANDIDATES_KEPT
from odoo.addons.fieldpromax_accounting.new_records import NewRecords
from odoo.addons.fieldpromax_accounting.providers import dto
from odoo.exceptions import UserError
from odoo.tools import SQL

from ..terms import CLOSED, effective_status

# What a person reads as a percentage; the order decides, not the number.
SCORE_BOTH, SCORE_NAME = 95, 60

# What a kind looks like when it is read back; no database is changed by knowing one more.
SNAPSHOT_CLASSES.setdefault('project', dto.Project)


@dataclass(frozen=True)
class LocalProject:
    """A project of Odoo as matching sees it; ``is_linked``: to a project of these books."""

    id: int
    name: str
    customer: str
    active: bool
    is_linked: bool


class FieldpromaxMatch(models.Model):
    """Projects are told by their customer and their name; whatever is not clear waits for a person."""

    _inherit = 'fieldpromax.match'

    kind = fields.Selection(selection_add=[('project', 'Project')], ondelete={'project': 'cascade'})
    project_id = fields.Many2one(
        'project.project', index='btree_not_null', ondelete='set null', readonly=True
    )
    external_customer = fields.Char('Customer in the books', readonly=True)
    waits_for_customer = fields.Boolean(
        readonly=True,
        help='The customer of this project is not linked yet; the project is compared again once it is.',
    )

    _project_unique = models.UniqueIndex(
        '(connection_id, external_id, project_id) WHERE project_id IS NOT NULL'
    )

    @api.depends('external_customer')
    def _compute_external_label(self):
        result = super()._compute_external_label()
        for match in self.filtered('external_customer'):
            match.external_label = f'{match.external_name or ""} · {match.external_customer}'
        return result

    @api.depends('project_id')
    def _compute_comparison(self):
        return super()._compute_comparison()

    def _compared(self):
        if self.kind != 'project' or not self.external_data:
            return super()._compared()
        remote, project = self._remote(), self.project_id
        labels = dict(
            self.env['project.project.stage']._fields['fieldpromax_status']._description_selection(self.env)
        )
        there = labels[effective_status(remote.status, remote.active)]
        here = labels[project._fieldpromax_status()] if project else ''
        return [
            (self.env._('Name'), one_line(remote.name), project.name or self.record_name or ''),
            (self.env._('Customer'), self.external_customer or '', project.partner_id.display_name or ''),
            (self.env._('State'), there, here),
        ]

    # === ACTIONS === #

    def action_link(self):
        result = super().action_link()
        # "No customer in Odoo, same name": whoever links it says whose project it is.
        for match in self.sudo().filtered(lambda match: match.kind == 'project' and match.decision == 'link'):
            partner = match._project_customer()
            if partner and not match.project_id.partner_id:
                match.project_id.with_context(fieldpromax_no_push=True).partner_id = partner
        return result

    def _decide(self, decision, others):
        """A customer that was decided about may be what projects of the books waited for."""
        result = super()._decide(decision, others)
        customers = self.filtered(lambda match: match.kind == 'contact')
        for connection, group in customers.grouped('connection_id').items():
            driver = connection._as_driver()
            model = self.env['fieldpromax.match'].with_env(driver.env)
            waiting = model.search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'project'),
                    ('decision', '=', 'pending'),
                    ('waits_for_customer', '=', True),
                ],
                limit=1000,
            )
            decided = set(group.mapped('external_id'))
            waiting = waiting.filtered(
                lambda match, decided=decided: match.external_data['contact_external_id'] in decided
            )
            if waiting:
                model._compare_again(driver, 'project', waiting)
        return result

    def _row_values(self):
        return {**super()._row_values(), 'external_customer': self.external_customer}

    def _project_customer(self):
        """The customer in Odoo of the project of the books that this row is about."""
        self.ensure_one()
        contact = self.external_data['contact_external_id']
        links = self._project_customer_links(self.connection_id, [contact])
        return links[contact].partner_id if contact in links else self.env['res.partner']

    # === TAKING IN A PAGE === #

    @api.model
    def _take_in_batch(self, connection, kind, records):
        if kind == 'contact' and connection.has_projects:
            records, as_projects, under_way = self._split_sub_customers(connection, records)
            counts = super()._take_in_batch(connection, kind, records)
            counts['skipped'] += under_way
            counts['updated'] += len(as_projects)
            self._merge_projects(connection, as_projects)
            return counts
        if kind == 'project':
            self._merge_projects(connection, records)
        return super()._take_in_batch(connection, kind, records)

    @api.model
    def _split_sub_customers(self, connection, records):
        """A project that was made as a sub-customer comes back among the customers: it is no customer of Odoo.

        :return: ``(other records, those as projects, number of those whose making is not settled yet)``
        """
        below = [record for record in records if record.parent_external_id]
        if not below:
            return records, [], 0
        known = set(
            self.env['fieldpromax.link']
            .search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'project'),
                    ('is_sub_customer', '=', True),
                    ('external_id', 'in', [record.external_id for record in below]),
                ]
            )
            .mapped('external_id')
        )
        unsettled = self.env['fieldpromax.exchange'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'project'),
                ('state', 'in', ('sending', 'uncertain')),
            ]
        )
        names = {text_key(name) for name in unsettled.mapped('record_name')}
        as_projects = [self._as_project(record) for record in below if record.external_id in known]
        under_way = {record.external_id for record in below if text_key(record.name) in names} - known
        others = [
            record
            for record in records
            if record.external_id not in known and record.external_id not in under_way
        ]
        return others, as_projects, len(under_way)

    @api.model
    def _as_project(self, contact):
        return dto.Project(
            name=contact.name,
            contact_external_id=contact.parent_external_id,
            external_id=contact.external_id,
            version=contact.version,
            is_sub_customer=True,
            active=contact.active,
            updated_at=contact.updated_at,
        )

    @api.model
    def _merge_projects(self, connection, records):
        """Bring linked projects in step: what changed in the books alone is taken over, what changed here alone is
        sent, what changed on both sides is left for a person."""
        link_model = self.env['fieldpromax.link']
        remotes = {record.external_id: record for record in records}
        if not remotes:
            return
        links = link_model.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'project'),
                ('external_id', 'in', list(remotes)),
                ('project_id', '!=', False),
            ]
        )
        link_model._link_many(
            connection, 'project', [(link.project_id, remotes[link.external_id]) for link in links]
        )
        to_send = self.env['project.project']
        for link in links:
            comparison = link._compare_project()
            taken = set()
            if comparison.to_take and link.project_id._fieldpromax_takes_from(connection):
                taken = comparison.to_take
                link.project_id._fieldpromax_take(
                    connection, {name: comparison.theirs[name] for name in taken}
                )
            baseline = link._compare_project().baseline(agreed=taken)
            if baseline != link.baseline:
                link.write({'baseline': baseline, 'agreed_at': fields.Datetime.now()})
            if comparison.to_send or comparison.conflicts:
                to_send |= link.project_id
        if to_send:
            self.env['fieldpromax.exchange']._enqueue(connection, 'project', to_send)
            connection._trigger_push()

    @api.model
    def _match_batch(self, connection, kind, records, deleted_here=frozenset(), make=True):
        """A project goes below its customer. Its name is new there → made; one project of that customer has it →
        linked at the end of the pass; everything else → review."""
        if kind != 'project':
            return super()._match_batch(connection, kind, records, deleted_here, make)
        counts = Counter()
        if not records:
            return counts
        customers = self._project_customer_links(
            connection, {record.contact_external_id for record in records}
        )
        names = self._contact_names(connection, {record.contact_external_id for record in records})
        locals_of = self._find_projects(connection, customers, records)
        different = self._decided_pairs(connection, kind, [record.external_id for record in records])
        answered = self._answered(connection, kind, [record.external_id for record in records])
        claimed, rows, to_make, ignored = {}, [], [], []
        for record in records:
            link = customers.get(record.contact_external_id)
            partner = link.partner_id if link else self.env['res.partner']
            if link and link.decision == 'ignore':
                ignored.append(record)
                continue
            if not partner:
                rows.append((record, self._customer_missing_row(names.get(record.contact_external_id))))
                counts['review'] += 1
                continue
            key = (partner.id, text_key(record.name))
            candidates = [
                (local, same_customer)
                for local, same_customer in locals_of(partner, record)
                if (record.external_id, local.id) not in different
            ]
            twin = claimed.get(key)
            was_deleted = record.external_id in deleted_here
            is_known = candidates or twin or was_deleted or record.external_id in answered
            if make and key[1] and not is_known:
                claimed[key] = record.name
                to_make.append(record)
                continue
            for row in self._project_rows(record, candidates, twin, was_deleted):
                rows.append((record, row))
            counts['review'] += 1
        created = self._create_records(connection, kind, to_make)
        self.env['fieldpromax.link']._link_many(connection, kind, created, made=True)
        counts['created'] += len(created)
        counts['skipped'] += len(ignored)
        self._store_project_rows(connection, records, rows, names)
        return counts

    @api.model
    def _project_customer_links(self, connection, contact_ids):
        """``{id in the books: link}`` of the customers that projects stand below."""
        links = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'contact'),
                ('external_id', 'in', list(contact_ids)),
            ]
        )
        return {link.external_id: link for link in links if link.partner_id or link.decision == 'ignore'}

    @api.model
    def _contact_names(self, connection, contact_ids):
        """``{id in the books: name}`` of customers, linked or not, as last read."""
        domain = [
            ('connection_id', '=', connection.id),
            ('kind', '=', 'contact'),
            ('external_id', 'in', list(contact_ids)),
        ]
        rows = self.search_fetch(domain, ['external_id', 'external_name'])
        names = {row.external_id: row.external_name for row in rows}
        links = self.env['fieldpromax.link'].search_fetch(domain, ['external_id', 'external_name'])
        return names | {link.external_id: link.external_name for link in links}

    @api.model
    def _find_projects(self, connection, customers, records):
        """Projects of Odoo that may be one of these: same name, and the same customer or none.

        :return: a function ``(partner, record) -> [(LocalProject, whether it has the customer)]``
        """
        partners = self.env['fieldpromax.link'].union(*customers.values()).partner_id
        names = list({text_key(record.name) for record in records} - {''})
        self.env['project.project'].flush_model(['name', 'active', 'company_id', 'partner_id', 'is_template'])
        self.env['res.partner'].flush_model(['commercial_partner_id'])
        self.env['fieldpromax.link'].flush_model(['project_id', 'connection_id'])
        self.env.cr.execute(
            SQL(
                """
                SELECT DISTINCT ON (p.id, c.id) p.id, n.value, p.active, l.external_id, c.id, c.name
                  FROM project_project p
                  CROSS JOIN LATERAL jsonb_each_text(p.name) n
                  LEFT JOIN res_partner o ON o.id = p.partner_id
                  LEFT JOIN res_partner c ON c.id IN (o.id, o.commercial_partner_id) AND c.id = ANY(%(partners)s)
                  LEFT JOIN fieldpromax_link l ON l.project_id = p.id AND l.connection_id = %(connection)s
                 WHERE (p.company_id IS NULL OR p.company_id = ANY(%(companies)s))
                   AND p.is_template IS NOT TRUE
                   AND (c.id IS NOT NULL OR p.partner_id IS NULL)
                   AND %(name_key)s = ANY(%(names)s)
                 ORDER BY p.id, c.id
                """,
                connection=connection.id,
                partners=partners.ids,
                companies=connection._served_companies().ids,
                names=names,
                name_key=text_key_sql(SQL.identifier('n', 'value')),
            )
        )
        found = defaultdict(list)
        for project_id, name, active, linked_to, partner_id, partner_name in self.env.cr.fetchall():
            local = LocalProject(project_id, name or '', partner_name or '', active, bool(linked_to))
            found[partner_id, text_key(name)].append(local)

        def locals_of(partner, record):
            key = text_key(record.name)
            own = [(local, True) for local in found[partner.id, key]]
            return own + [(local, False) for local in found[None, key]]

        return locals_of

    @api.model
    def _customer_missing_row(self, customer):
        reason = self.env._(
            'Its customer "%s" is not linked with Odoo yet. Decide about the customer; the project follows by itself.',
            customer or self.env._('unknown'),
        )
        return {'reason': reason, 'waits_for_customer': True}

    @api.model
    def _project_rows(self, record, candidates, twin, was_deleted):
        """Rows for a person, or one deferred row: ``[values]``."""
        free = [(local, same) for local, same in candidates if not local.is_linked]
        rows = []
        # An ended project of the books and an archived one of Odoo say the same.
        is_closed = effective_status(record.status, record.active) in CLOSED
        for local, same in free:
            fits = local.active or is_closed
            if not same:
                reason = self.env._(
                    'Same name, but the project has no customer in Odoo. Linking gives it the one of the books.'
                )
            elif not fits:
                reason = self.env._('Same name and customer, but it is archived in Odoo.')
            elif len(candidates) > 1:
                reason = self.env._('Same name and customer, but another project of Odoo is like it as well.')
            else:
                reason = self.env._(
                    'Same name and customer, but another project of the books is like it as well.'
                )
            is_exact = same and fits and len(candidates) == 1 and not twin
            rows.append(
                {
                    'project_id': local.id,
                    'record_name': local.name,
                    'record_detail': local.customer or False,
                    'score': SCORE_BOTH if same else SCORE_NAME,
                    'reason': reason,
                    'is_deferred': is_exact,
                }
            )
        if rows:
            return sorted(rows, key=lambda row: (-row['score'], row['project_id']))[:CANDIDATES_KEPT]
        if candidates:
            reason = self.env._(
                'Same name and customer as "%s" in Odoo, which is linked to another one of the books. Create it if it '
                'is another project.',
                candidates[0][0].name,
            )
        elif twin:
            reason = self.env._(
                'The books have another project of this customer that looks the same: "%s". Create it if it is another '
                'project.',
                twin,
            )
        elif was_deleted:
            reason = self.env._('It was deleted in Odoo. Create it again, or ignore it from now on.')
        elif not text_key(record.name):
            reason = self.env._('It has no name that could be compared. Create it, or ignore it.')
        else:
            reason = self.env._('Nothing in Odoo is the same: choose Create new, or Ignore.')
        return [{'reason': reason}]

    @api.model
    def _store_project_rows(self, connection, records, rows, names):
        """Replace the pending rows of these projects of the books; those that stay keep their id, because a list may be
        open on somebody's screen."""
        wanted = {(record.external_id, row.get('project_id', False)): (record, row) for record, row in rows}
        now = fields.Datetime.now()
        gone = self.browse()
        for match in self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'project'),
                ('external_id', 'in', [record.external_id for record in records]),
            ]
        ):
            is_open = match.decision == 'pending' and not match.is_proposed
            # A pair stands in the table once, whoever put it there.
            found = (
                wanted.pop((match.external_id, match.project_id.id), None)
                if is_open or match.project_id
                else None
            )
            if is_open and found:
                match.write({**self._project_row_values(connection, *found, names), 'looked_at': now})
            elif is_open:
                gone |= match
        gone.unlink()
        self.create(
            [
                {**self._project_row_values(connection, record, row, names), 'looked_at': now}
                for record, row in wanted.values()
            ]
        )

    @api.model
    def _project_row_values(self, connection, record, row, names):
        return {
            'connection_id': connection.id,
            'kind': 'project',
            'external_id': record.external_id,
            'external_name': one_line(record.name) or record.external_id,
            'external_customer': names.get(record.contact_external_id, False),
            'external_data': snapshot(record),
            'project_id': False,
            'record_name': False,
            'record_detail': False,
            'score': 0,
            'reasons': False,
            'is_deferred': False,
            'waits_for_customer': False,
            **row,
        }

    @api.model
    def _compare_again(self, connection, kind, matches):
        """What waited for its customer alone is made once the customer is there: nobody has to decide about it."""
        if kind == 'project':
            waited = matches.filtered(lambda match: match.waits_for_customer and match.external_data)
            remotes = {match.external_id: match._remote() for match in waited}
            links = self.env['fieldpromax.link'].search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'project'),
                    ('external_id', 'in', list(remotes)),
                ]
            )
            linked = set(links.filtered('project_id').mapped('external_id'))
            unlinked = [remote for external_id, remote in remotes.items() if external_id not in linked]
            self._match_batch(
                connection, kind, unlinked, frozenset(links.mapped('external_id')) - linked, make=True
            )
            matches -= waited
        return super()._compare_again(connection, kind, matches)

    # === WHAT IS MADE IN ODOO === #

    @api.model
    def _new_records(self, connection, kind):
        return NewProjects(connection) if kind == 'project' else super()._new_records(connection, kind)

    @api.model
    def _create_records(self, connection, kind, remotes):
        created = super()._create_records(connection, kind, remotes)
        if kind == 'project':
            for project, remote in created:
                status = effective_status(remote.status, remote.active)
                project._fieldpromax_take(connection, {'status': status})
        return created

    # === WHAT THE PUSH ASKS === #

    @api.model
    def _decide_local(self, connection, kind, records, role=''):
        """The same rules seen from Odoo. A project of the books that waits for its customer, or for a decision, is not
        made a second time."""
        if kind != 'project':
            return super()._decide_local(connection, kind, records, role)
        verdicts = {}
        for project in records:
            customer = project._fieldpromax_customer()
            contact = self.env['fieldpromax.link']._of(connection, customer).get(customer.id)
            alike = self._alike_in_books(connection, project, contact) if contact else self.browse()
            if not alike:
                verdicts[project.id] = ('create', '')
            elif (
                len(alike) == 1
                and alike.is_deferred
                and not alike.asks_person
                and alike.project_id == project
            ):
                self.env['fieldpromax.link']._link_many(connection, kind, [(project, alike._remote())])
                alike.unlink()
                verdicts[project.id] = ('linked', '')
            else:
                verdicts[project.id] = (
                    'review',
                    self.env._(
                        '%(provider)s has "%(name)s" for this customer already.',
                        provider=connection._provider_label(),
                        name=alike[0].external_name,
                    ),
                )
        return verdicts

    @api.model
    def _alike_in_books(self, connection, project, contact):
        """Rows about projects of the books that have the customer and the name of ``project``, and that nobody said are
        different; a row is made for one that is linked to another project of Odoo."""
        name = text_key(project._fieldpromax_terms(connection)['name'])
        rows = self.search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'project'),
                ('decision', 'in', ('pending', 'ignore')),
            ]
        ).filtered(
            lambda match: (
                text_key(match.external_name) == name
                and (match.external_data or {}).get('contact_external_id') == contact.external_id
            )
        )
        linked = (
            self.env['fieldpromax.link']
            .search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', 'project'),
                    ('external_active', '=', True),
                    ('parent_external_id', '=', contact.external_id),
                    ('project_id', '!=', False),
                ]
            )
            .filtered(lambda link: text_key(link.external_name) == name)
        )
        different = self._decided_pairs(
            connection,
            'project',
            [*rows.mapped('external_id'), *linked.mapped('external_id')],
            project,
        )
        rows = rows.filtered(lambda match: (match.external_id, project.id) not in different)
        known = set(rows.mapped('external_id'))
        return rows | self.create(
            [
                self._proposed_project(connection, project, contact, link)
                for link in linked
                if (link.external_id, project.id) not in different and link.external_id not in known
            ]
        )

    @api.model
    def _linked_remote(self, link):
        if link.kind != 'project':
            return super()._linked_remote(link)
        return dto.Project(
            name=link.external_name or '',
            contact_external_id=link.parent_external_id or '',
            external_id=link.external_id,
            version=link.external_version or '',
            status=link.external_status or '',
            is_sub_customer=link.is_sub_customer,
            active=link.external_active,
        )

    @api.model
    def _proposal_values(self, connection, kind, record, remote, candidate, more):
        if kind != 'project':
            return super()._proposal_values(connection, kind, record, remote, candidate, more)
        row = {
            'project_id': record.id,
            'record_name': record._fieldpromax_name(),
            'record_detail': record.partner_id.display_name or False,
            **self._explained(more),
            'looked_at': fields.Datetime.now(),
        }
        names = self._contact_names(connection, {remote.contact_external_id})
        return self._project_row_values(connection, remote, row, names)

    @api.model
    def _proposed_project(self, connection, project, contact, link):
        """Row about a project of the books that is linked to another project of Odoo."""
        remote = self._linked_remote(link)
        row = {
            'project_id': project.id,
            'record_name': project._fieldpromax_name(),
            'record_detail': contact.partner_id.name,
            'score': SCORE_BOTH,
            'reason': self.env._(
                '%(provider)s has "%(name)s", which is linked to another project of Odoo. Create new if this is '
                'another one.',
                provider=connection._provider_label(),
                name=remote.name,
            ),
            'is_proposed': True,
            'looked_at': fields.Datetime.now(),
        }
        names = {contact.external_id: contact.external_name}
        return self._project_row_values(connection, remote, row, names)


class NewProjects(NewRecords):
    """Values of projects that are made from the books, for one connection."""

    def of(self, project):
        links = self.env['fieldpromax.match']._project_customer_links(
            self.connection, [project.contact_external_id]
        )
        link = links.get(project.contact_external_id)
        if not link or not link.partner_id:
            raise UserError(
                self.env._(
                    'The customer of "%s" is not linked with Odoo yet. Decide about the customer first; the project '
                    'follows by itself.',
                    project.name,
                )
            )
        return {
            'name': one_line(project.name) or project.external_id,
            'partner_id': link.partner_id.id,
            'company_id': self.company.id,
            'user_id': False,
        }
