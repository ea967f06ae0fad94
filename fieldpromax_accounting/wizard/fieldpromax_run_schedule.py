from datetime import timedelta

from odoo import fields, models
from pytz import UTC

# When nobody works any more: what is proposed.
QUIET_HOUR = 22


class FieldpromaxRunSchedule(models.TransientModel):
    """Ask when a run of the sync shall begin, or go on."""

    _name = 'fieldpromax.run.schedule'
    _description = 'Put off a sync run'

    run_id = fields.Many2one('fieldpromax.run', required=True, ondelete='cascade')
    scheduled_at = fields.Datetime(
        'Begin at',
        required=True,
        default=lambda self: self._default_scheduled_at(),
        help='In your own time zone. It begins within about a minute after this time.',
    )

    def _default_scheduled_at(self):
        """Tonight, in the person's time zone; tomorrow night when that has passed."""
        now = fields.Datetime.context_timestamp(self, fields.Datetime.now())
        evening = now.replace(tzinfo=None, hour=QUIET_HOUR, minute=0, second=0, microsecond=0)
        zone = self.env.tz
        at = zone.localize(evening)
        if at <= now:
            at = zone.localize(evening + timedelta(days=1))
        return at.astimezone(UTC).replace(tzinfo=None)

    def action_put_off(self):
        self.ensure_one()
        self.run_id._put_off(self.scheduled_at)
        return {'type': 'ir.actions.act_window_close'}
