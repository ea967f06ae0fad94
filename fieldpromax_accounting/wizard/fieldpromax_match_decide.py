from odoo import api, fields, models


class FieldpromaxMatchDecide(models.TransientModel):
    """Say what will happen to how many, before many are decided about at once."""

    _name = 'fieldpromax.match.decide'
    _description = 'Decide about many matches'

    decision = fields.Selection(
        [('link', 'Link'), ('create', 'Create new'), ('ignore', 'Ignore'), ('never', 'Never the same')],
        required=True,
        readonly=True,
    )
    match_ids = fields.Many2many('fieldpromax.match', string='Selected', readonly=True)
    count = fields.Integer('How many', compute='_compute_text')
    text = fields.Text(compute='_compute_text')

    @api.depends('decision', 'match_ids')
    def _compute_text(self):
        for wizard in self:
            matches = wizard._matches()
            wizard.count = len(matches)
            left = len(wizard.match_ids) - len(matches)
            sentences = [wizard._sentence(len(matches))]
            if left == 1:
                sentences.append(self.env._('1 row names no record of Odoo and stays as it is.'))
            elif left:
                sentences.append(self.env._('%s rows name no record of Odoo and stay as they are.', left))
            wizard.text = '\n'.join(sentences)

    def _sentence(self, count):
        one, several = {
            'link': (
                self.env._(
                    'The record of the books and the one of Odoo will be linked and kept in step: what one of them '
                    'lacks is filled in from the other, and what differs stays as it is.'
                ),
                self.env._(
                    '%s pairs will be linked and kept in step: what one of a pair lacks is filled in from the other, '
                    'and what differs stays as it is.',
                    count,
                ),
            ),
            'create': (
                self.env._(
                    'The record of the books will be created in Odoo and linked. What Odoo has stays as it is.'
                ),
                self.env._(
                    '%s records of the books will be created in Odoo and linked. What Odoo has stays as it is.',
                    count,
                ),
            ),
            'ignore': (
                self.env._(
                    'The record of the books will be left alone from now on. Nothing is changed in the books.'
                ),
                self.env._(
                    '%s records of the books will be left alone from now on. Nothing is changed in the books.',
                    count,
                ),
            ),
            'never': (
                self.env._('The two will be remembered as not the same. Neither of them is changed.'),
                self.env._(
                    '%s pairs will be remembered as not the same. None of the records is changed.', count
                ),
            ),
        }[self.decision]
        if not count:
            return self.env._(
                'Nothing of what you selected names a record of Odoo. Choose Create new, or Ignore.'
            )
        return one if count == 1 else several

    def _matches(self):
        """Those that can be decided so."""
        self.ensure_one()
        waiting = self.match_ids.filtered(lambda match: match.decision == 'pending')
        if self.decision in ('link', 'never'):
            return waiting.filtered(lambda match: match._record_of())
        return waiting

    def action_decide(self):
        self.ensure_one()
        decide = {
            'link': 'action_link',
            'create': 'action_create',
            'ignore': 'action_ignore',
            'never': 'action_never',
        }[self.decision]
        getattr(self._matches(), decide)()
        return {'type': 'ir.actions.act_window_close', 'infos': {'done': True}}
