from dataclasses import fields as dataclass_fields

from odoo import api, fields, models

from ..matching import SNAPSHOT_CLASSES, snapshot


class FieldpromaxLink(models.Model):
    """What undoing an import needs of a link."""

    # Beside what the sync does with it.
    _inherit = 'fieldpromax.link'  # pylint: disable=consider-merging-classes-inherited

    @api.model
    def _links_of(self, connection, record):
        """Links of a record, or of a product's template, to the books."""
        if record._name == 'product.template':
            record = record.with_context(active_test=False).product_variant_ids
        column = next(
            (
                name
                for name in self._record_fields().values()
                if self._fields[name].comodel_name == record._name
            ),
            None,
        )
        if not column:
            return self.browse()
        return self.search([('connection_id', '=', connection.id), (column, 'in', record.ids)])

    def _last_known(self):
        """What is stored of the record of the books, as its DTO takes it."""
        self.ensure_one()
        return {
            'external_id': self.external_id,
            'version': self.external_version or '',
            'name': self.external_name or '',
            'active': self.external_active,
            'number': self.external_number or '',
            'code': self.external_number or '',
            'email': self.external_email or '',
            'status': self.external_status or '',
            'currency': self.role or '',
            'parent_external_id': self.parent_external_id or '',
            'contact_external_id': self.parent_external_id or '',
        }

    def _take_apart(self, kind, column, person):
        """Undo these links: neither record changes, and what was decided is remembered, so that nothing links the two
        or makes the record again unasked."""
        if not self:
            return
        match_model = self.env['fieldpromax.match'].sudo()
        stamp = {'decision': 'ignore', 'decided_by_id': person.id, 'decided_at': fields.Datetime.now()}
        rows = match_model.search(
            [
                ('connection_id', 'in', self.connection_id.ids),
                ('kind', '=', kind),
                ('external_id', 'in', self.mapped('external_id')),
            ]
        )
        known = {(row.connection_id, row.external_id, row[column]): row for row in rows if row[column]}
        cls = SNAPSHOT_CLASSES[kind]
        names = {field.name for field in dataclass_fields(cls)}
        new = []
        for link in self:
            if row := known.get((link.connection_id, link.external_id, link[column])):
                row.write({'is_deferred': False, 'is_proposed': False, **stamp})
                continue
            stored = {name: value for name, value in link._last_known().items() if name in names}
            new.append(
                {
                    'connection_id': link.connection_id.id,
                    'kind': kind,
                    'role': link.role,
                    'external_id': link.external_id,
                    'external_name': link.external_name or link.external_id,
                    'external_email': link.external_email,
                    'external_code': False if kind == 'contact' else link.external_number,
                    'external_data': snapshot(cls(**stored)),
                    column: link[column].id,
                    'record_name': link.record_name,
                    'reason': self.env._('Linked by the first import, which was undone.'),
                    'looked_at': fields.Datetime.now(),
                    **stamp,
                }
            )
        rows.filtered(lambda row: row.decision == 'pending').unlink()
        match_model.create(new)
        self.write({column: False, 'decision': 'ignore', 'baseline': False, 'sent_hash': False})
