from odoo import fields, models


class FieldpromaxCall(models.Model):
    """One HTTP write, stored and committed before it is sent: its key, body and members never change afterwards."""

    _name = 'fieldpromax.call'
    _description = 'Write to the books'
    _rec_name = 'key'
    _order = 'id desc'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    key = fields.Char('Request key', required=True, readonly=True)
    operation = fields.Char(required=True, readonly=True)
    target = fields.Char(readonly=True)
    body = fields.Text(readonly=True)
    members = fields.Json(readonly=True, help='Ids of the exchanges, in the order of the body.')
    exchange_ids = fields.One2many('fieldpromax.exchange', 'call_id')
    attempts = fields.Integer(readonly=True)
    first_sent_at = fields.Datetime(readonly=True)
    last_sent_at = fields.Datetime(readonly=True)
    answered_at = fields.Datetime(readonly=True)
    http_status = fields.Integer(readonly=True)
    request_id = fields.Char("Provider's request ID", readonly=True)
    error = fields.Char(readonly=True, help="The provider's own reason.")

    _key_unique = models.Constraint('unique(key)', 'A request key is used once.')
