from odoo import Command, api, fields, models


class FieldpromaxSeal(models.TransientModel):
    """What of an invoice was compared with the books, side by side, for reading."""

    _name = 'fieldpromax.seal'
    _description = 'What was compared of an invoice'

    move_id = fields.Many2one('account.move', 'Invoice', readonly=True, ondelete='cascade')
    summary = fields.Text(readonly=True)
    is_verified = fields.Boolean(readonly=True)
    line_ids = fields.One2many('fieldpromax.seal.line', 'seal_id', 'Fields', readonly=True)

    @api.model
    def _show(self, move, link):
        """What was compared of one document, made for the person who asks; they have seen to it that they may."""
        return self.sudo().create(
            [
                {
                    'move_id': move.id,
                    'summary': link._seal_text(),
                    'is_verified': bool(link.verified_at),
                    'line_ids': [
                        Command.create(
                            {
                                'sequence': sequence,
                                'label': label,
                                'ours': ours,
                                'theirs': theirs,
                                'agrees': agrees,
                            }
                        )
                        for sequence, (label, ours, theirs, agrees) in enumerate(link._compared())
                    ],
                }
            ]
        )
