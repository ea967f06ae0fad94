from datetime import timedelta

from odoo import api, fields, models

KEPT_FOR = timedelta(days=90)


class FieldpromaxMeter(models.Model):
    """How many calls a connection made in a day, by what they were for; written by ``pacing.py`` alone."""

    _name = 'fieldpromax.meter'
    _description = 'Calls to the books'
    _log_access = False
    _order = 'day desc, calls desc, id'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, readonly=True, ondelete='cascade'
    )
    company_id = fields.Many2one('res.company', required=True, index=True, readonly=True)
    day = fields.Date('Day (UTC)', required=True, readonly=True)
    purpose = fields.Selection(
        [
            ('push', 'Sending'),
            ('pull', 'Reading changes'),
            ('audit', 'Nightly check'),
            ('person', 'People looking something up'),
            ('upkeep', 'Looking after the connection'),
        ],
        'What for',
        required=True,
        readonly=True,
    )
    calls = fields.Integer(readonly=True)
    refused = fields.Integer(readonly=True, help='Calls that came too soon for the limits of the provider.')
    day_left = fields.Integer(readonly=True, help='How many calls more the provider allowed that day.')
    heard_at = fields.Datetime(readonly=True, help='When the provider said so last.')

    _day_unique = models.Constraint(
        'unique(connection_id, day, purpose)', 'Each purpose is counted once a day.'
    )

    @api.depends('day', 'purpose')
    def _compute_display_name(self):
        labels = dict(self._fields['purpose']._description_selection(self.env))
        for row in self:
            row.display_name = f'{row.day or ""} {labels.get(row.purpose, "")}'.strip()

    @api.autovacuum
    def _gc_meters(self):
        self.sudo().search(
            [('day', '<', fields.Date.subtract(fields.Date.today(), days=KEPT_FOR.days))], limit=10000
        ).unlink()


class FieldpromaxConnection(models.Model):
    """What the meter says, where people look at the connection."""

    # Beside what it counts.
    _inherit = 'fieldpromax.connection'  # pylint: disable=consider-merging-classes-inherited

    meter_ids = fields.One2many('fieldpromax.meter', 'connection_id', 'Calls', readonly=True)
    calls_text = fields.Char('Calls today', compute='_compute_calls_text')

    def _compute_calls_text(self):
        self.env['fieldpromax.meter'].invalidate_model()
        rows = self.env['fieldpromax.meter'].search(
            [('connection_id', 'in', self.ids), ('day', '=', fields.Date.today())]
        )
        for connection in self:
            mine = rows.filtered(lambda row, connection=connection: row.connection_id == connection)
            calls = sum(mine.mapped('calls'))
            said = mine.filtered('heard_at').sorted('heard_at')[-1:]
            if calls == 1:
                text = self.env._('1 call')
            else:
                text = self.env._('%s calls', f'{calls:,}')
            if said:
                text = self.env._('%(calls)s, %(left)s left', calls=text, left=f'{said.day_left:,}')
            connection.calls_text = text
