from collections import defaultdict

from odoo import api, models

from ..matching import second_of
from .fieldpromax_link import record_fields


class FieldpromaxMatch(models.Model):
    """What an import would do goes into the plan that the context names, instead of being done."""

    # Apart from how an import does it.
    _inherit = 'fieldpromax.match'  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _plan(self):
        """The run whose plan is being read; empty when things are done for real."""
        return self.env['fieldpromax.run'].browse(self.env.context.get('fieldpromax_plan_id'))

    @api.model
    def _take_in_batch(self, connection, kind, records):
        run = self._plan()
        if not run:
            return super()._take_in_batch(connection, kind, records)
        column = record_fields(self.env)[kind]
        links = {
            link.external_id: link
            for link in self.env['fieldpromax.link'].search(
                [
                    ('connection_id', '=', connection.id),
                    ('kind', '=', kind),
                    ('external_id', 'in', [record.external_id for record in records]),
                ]
            )
        }
        rows, open_records = [], []
        for record in records:
            link = links.get(record.external_id)
            if link and link[column]:
                rows.append((record, 'update', self._known_values(link, column)))
            elif reason := self._why_skipped(connection, kind, record, link):
                rows.append((record, 'skip', {'reason': reason}))
            else:
                open_records.append(record)
        self.env['fieldpromax.plan.line']._store(run, kind, rows)
        deleted_here = {external_id for external_id, link in links.items() if not link[column]}
        return self._match_batch(connection, kind, open_records, deleted_here)

    @api.model
    def _known_values(self, link, column):
        return {
            'role': link.role,
            'record': link[column].id,
            'record_name': link.record_name,
            'reason': self.env._('It is linked already; what changes in the books is followed.'),
        }

    @api.model
    def _why_skipped(self, connection, kind, record, link):
        """Why an import leaves a record of the books out, '' when it does not."""
        if link and link.decision == 'ignore':
            return self.env._('It was ignored before; Match review keeps it under Ignored.')
        if not record.active:
            return self.env._('It is archived in the books.')
        if not self._is_in_scope(connection, kind, record):
            return self.env._('It is a supplier only. The settings say whether suppliers are taken over.')
        return ''

    @api.model
    def _create_records(self, connection, kind, remotes):
        run = self._plan()
        if not run:
            return super()._create_records(connection, kind, remotes)
        role_of = self.env['fieldpromax.link']._role_of
        rows = [(remote, 'create', {'role': role_of(connection, kind, remote)}) for remote in remotes]
        self.env['fieldpromax.plan.line']._store(run, kind, rows)
        return []

    @api.model
    def _store_rows(self, connection, kind, records, rows, roles):
        run = self._plan()
        if not run:
            return super()._store_rows(connection, kind, records, rows, roles)
        groups = defaultdict(list)
        for record, row in rows:
            groups[record.external_id].append(row)
        self._name_candidates(kind, [row for _record, row in rows])
        self.env['fieldpromax.plan.line']._store_candidates(
            run,
            kind,
            [
                (record, roles[record.external_id], groups[record.external_id], second_of(kind, record))
                for record in records
                if record.external_id in groups
            ],
        )
        return None

    @api.model
    def _name_candidates(self, kind, rows):
        """Add name and e-mail or code of the records of Odoo to ``rows``."""
        column = record_fields(self.env)[kind]
        model = self.env[self._fields[column].comodel_name]
        records = {
            record.id: record for record in model.browse({row['record'] for row in rows if row['record']})
        }
        for row in rows:
            row |= {'record_name': None, 'record_detail': None}
            if record := records.get(row['record']):
                row['record_name'] = record._fieldpromax_name()
                row['record_detail'] = (record.email if kind == 'contact' else record.default_code) or None
