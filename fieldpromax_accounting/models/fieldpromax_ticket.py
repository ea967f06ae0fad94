from odoo import fields, models


class FieldpromaxTicket(models.Model):
    """A request to an organization of the last two minutes, so that all processes together stay below the limits of the
    provider. Written and read by ``pacing.py`` alone; it names no company, because the limits do not."""

    _name = 'fieldpromax.ticket'
    _description = 'Request to the books of the last minutes'
    _log_access = False
    _order = 'id'

    organization = fields.Char(required=True, readonly=True, help='Provider and id of the organization.')
    lane = fields.Char(required=True, readonly=True, help='Which of the limits of a minute it counts for.')
    started_at = fields.Datetime(required=True, readonly=True)
    ended_at = fields.Datetime(readonly=True)
    minute_left = fields.Integer(readonly=True, help='How many calls more the answer allowed in this minute.')

    _organization_index = models.Index('(organization, started_at)')
