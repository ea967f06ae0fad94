from datetime import date, datetime
from decimal import Decimal

from odoo import api, fields, models

# Two numbers closer than this are the same: what the database rounds is no change.
SAME_NUMBER = 1e-9


class FieldpromaxRunChange(models.Model):
    """What a first import changed in a record of Odoo, so that it can be given back; and, once it was undone, what
    could not be given back and why."""

    _name = 'fieldpromax.run.change'
    _description = 'What a sync run changed'
    _rec_name = 'record_name'
    _order = 'run_id desc, id'

    run_id = fields.Many2one('fieldpromax.run', required=True, index=True, ondelete='cascade', readonly=True)
    connection_id = fields.Many2one(related='run_id.connection_id', store=True, index=True)
    company_id = fields.Many2one(related='run_id.company_id', store=True, index=True)
    what = fields.Selection(
        [
            ('values', 'Values taken over'),
            ('made', 'Made from the books'),
            ('linked', 'Linked'),
        ],
        required=True,
        readonly=True,
    )
    res_model = fields.Char('Model', required=True, readonly=True)
    res_id = fields.Many2oneReference('Record', model_field='res_model', required=True, readonly=True)
    record_name = fields.Char('Record of Odoo', readonly=True, help='Kept when the record is deleted.')
    link_id = fields.Many2one('fieldpromax.link', index='btree_not_null', ondelete='set null', readonly=True)
    previous = fields.Json(readonly=True, help='Field: value before, value that the run wrote.')
    state = fields.Selection(
        [('noted', 'Noted'), ('undone', 'Given back'), ('kept', 'Left as it is')],
        required=True,
        default='noted',
        readonly=True,
    )
    reason = fields.Char('Why', readonly=True)

    _values_unique = models.UniqueIndex("(run_id, res_model, res_id) WHERE what = 'values'")
    _state_index = models.Index('(run_id, state)')

    @api.model
    def _note(self, run, changes):
        """Keep what a run is overwriting; called right after the write, in the same transaction.

        :param changes: ``[(record, {field: value before})]``, of any models. Of a field that was noted before, the
            first value before stays and what stands in the record now becomes the value that the run wrote.
        """
        rows = []
        for model_name, group in self._by_model(changes).items():
            known = {
                row.res_id: row
                for row in self.search(
                    [
                        ('run_id', '=', run.id),
                        ('what', '=', 'values'),
                        ('res_model', '=', model_name),
                        ('res_id', 'in', [record.id for record, _previous in group]),
                    ]
                )
            }
            for record, previous in group:
                row = known.get(record.id)
                values = {
                    name: [
                        row.previous[name][0] if row and name in row.previous else self._plain(before),
                        self._plain(record[name]),
                    ]
                    for name, before in previous.items()
                }
                if row:
                    row.previous = {**row.previous, **values}
                elif values:
                    rows.append(
                        {
                            'run_id': run.id,
                            'what': 'values',
                            'res_model': model_name,
                            'res_id': record.id,
                            'record_name': record.display_name,
                            'previous': values,
                        }
                    )
        self.create(rows)

    @api.model
    def _by_model(self, changes):
        groups = {}
        for record, previous in changes:
            groups.setdefault(record._name, []).append((record, previous))
        return groups

    @api.model
    def _plain(self, value):
        """A field's value as JSON: a record by its id, several by a list of them."""
        if isinstance(value, models.BaseModel):
            return value.ids if len(value) > 1 else value.id
        if isinstance(value, Decimal):
            return float(value)
        if isinstance(value, datetime):
            return fields.Datetime.to_string(value)
        if isinstance(value, date):
            return fields.Date.to_string(value)
        return str(value) if isinstance(value, str) else value

    @api.model
    def _is_same(self, one, other):
        if isinstance(one, float) or isinstance(other, float):
            return abs((one or 0) - (other or 0)) < SAME_NUMBER
        return (one or False) == (other or False)

    def _record(self):
        """The record of Odoo, empty when it was deleted or its addon removed."""
        self.ensure_one()
        if self.res_model not in self.env:
            return self.env['res.partner']
        return self.env[self.res_model].browse(self.res_id).exists()

    def action_open_record(self):
        self.ensure_one()
        self.check_access('read')
        return {
            'type': 'ir.actions.act_window',
            'res_model': self.res_model,
            'res_id': self.res_id,
            'view_mode': 'form',
            'views': [(False, 'form')],
        }
