from odoo import api, fields, models
from odoo.exceptions import UserError


class FieldpromaxIssue(models.Model):
    """A document whose number the books have already: is it the same one?"""

    _inherit = 'fieldpromax.issue'

    is_twin = fields.Boolean(compute='_compute_twin')
    can_link_twin = fields.Boolean(compute='_compute_twin')

    @api.depends('cause', 'state', 'exchange_ids.state')
    def _compute_twin(self):
        for issue in self:
            exchange = issue.sudo()._held_twin()
            issue.is_twin = bool(exchange)
            issue.can_link_twin = bool(exchange and exchange.twin.get('is_same'))

    def _held_twin(self):
        """The document that waits for the answer; empty when none does any more."""
        self.ensure_one()
        if self.cause != 'twin' or self.state != 'open':
            return self.exchange_ids.browse()
        return self.exchange_ids.filtered(lambda exchange: exchange.state == 'blocked' and exchange.twin)[:1]

    def action_link_twin(self):
        """It is the same one: link both, send nothing."""
        self._check_twin('can_link_twin')._adopt_twin()
        self.sudo()._solve()
        return self._told(
            self.env._('Both are being linked and compared. Nothing is sent to %s.', self.provider_label)
        )

    def action_send_beside_twin(self):
        """It is another one: send it under another number."""
        number = self._check_twin('is_twin')._take_another_number()
        self.sudo()._solve()
        return self._told(
            self.env._(
                'It is being sent to %(provider)s as %(number)s; in Odoo it keeps its number.',
                provider=self.provider_label,
                number=number,
            )
        )

    def _check_twin(self, may):
        self.ensure_one()
        self._check_bookkeeper()
        if not self[may]:
            raise UserError(self.env._('This is settled already. Reload the page.'))
        return self.sudo()._held_twin()
