from collections import Counter, defaultdict

from odoo import api, models
from odoo.addons.fieldpromax_accounting.matching import one_line


class FieldpromaxMatch(models.Model):
    """Projects read into a plan: their customers are not linked yet, but planned to be."""

    # Apart from how projects are matched for real.
    _inherit = 'fieldpromax.match'  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _merge_projects(self, connection, records):
        return None if self._plan() else super()._merge_projects(connection, records)

    @api.model
    def _customer_lines(self, run, contact_ids):
        """``{id in the books: line of the plan}`` of customers."""
        lines = self.env['fieldpromax.plan.line'].search(
            [('run_id', '=', run.id), ('kind', '=', 'contact'), ('external_id', 'in', list(contact_ids))]
        )
        return {line.external_id: line for line in lines}

    @api.model
    def _match_batch(self, connection, kind, records, deleted_here=frozenset(), make=True):
        run = self._plan()
        if kind != 'project' or not run:
            return super()._match_batch(connection, kind, records, deleted_here, make)
        contact_ids = {record.contact_external_id for record in records}
        lines = self._customer_lines(run, contact_ids)
        links = self._project_customer_links(connection, contact_ids)
        names = self._contact_names(connection, contact_ids)
        rows, others = [], []
        for record in records:
            link, line = (found.get(record.contact_external_id) for found in (links, lines))
            detail = {'external_detail': names.get(record.contact_external_id) or None}
            if (link and link.decision == 'ignore') or (line and line.action == 'skip'):
                reason = self.env._('Its customer is left out.')
                rows.append((record, 'skip', {**detail, 'reason': reason}))
            elif link:
                others.append(record)
            elif line and line.action == 'create' and make and one_line(record.name):
                rows.append((record, 'create', detail))
            else:
                reason = self.env._('Its customer waits for a decision; the project follows by itself.')
                rows.append((record, 'review', {**detail, 'reason': reason}))
        self.env['fieldpromax.plan.line']._store(run, kind, rows)
        if others:
            super()._match_batch(connection, kind, others, deleted_here, make)
        return Counter()

    @api.model
    def _project_customer_links(self, connection, contact_ids):
        """In a plan, customers that it is going to link count as linked."""
        links = super()._project_customer_links(connection, contact_ids)
        if run := self._plan():
            for external_id, line in self._customer_lines(run, set(contact_ids) - set(links)).items():
                if line.action == 'link' and line.partner_id:
                    links[external_id] = self.env['fieldpromax.link'].new(
                        {
                            'connection_id': connection.id,
                            'kind': 'contact',
                            'external_id': external_id,
                            'partner_id': line.partner_id.id,
                        }
                    )
        return links

    @api.model
    def _contact_names(self, connection, contact_ids):
        names = super()._contact_names(connection, contact_ids)
        if run := self._plan():
            lines = self._customer_lines(run, contact_ids)
            names |= {external_id: line.external_name for external_id, line in lines.items()}
        return names

    @api.model
    def _create_records(self, connection, kind, remotes):
        run = self._plan()
        if kind != 'project' or not run:
            return super()._create_records(connection, kind, remotes)
        names = self._contact_names(connection, {remote.contact_external_id for remote in remotes})
        rows = [
            (remote, 'create', {'external_detail': names.get(remote.contact_external_id) or None})
            for remote in remotes
        ]
        self.env['fieldpromax.plan.line']._store(run, kind, rows)
        return []

    @api.model
    def _store_project_rows(self, connection, records, rows, names):
        run = self._plan()
        if not run:
            return super()._store_project_rows(connection, records, rows, names)
        groups = defaultdict(list)
        for record, row in rows:
            groups[record.external_id].append(
                {
                    'record': row.get('project_id') or None,
                    'record_name': row.get('record_name') or None,
                    'record_detail': row.get('record_detail') or None,
                    'score': row.get('score', 0),
                    'reason': row['reason'],
                    'reasons': None,
                    'is_similar': False,
                    'is_deferred': row.get('is_deferred', False),
                }
            )
        self.env['fieldpromax.plan.line']._store_candidates(
            run,
            'project',
            [
                (record, '', groups[record.external_id], names.get(record.contact_external_id))
                for record in records
                if record.external_id in groups
            ],
        )
        return None
