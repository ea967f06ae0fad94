from odoo import api, fields, models


class FieldpromaxRunUndo(models.TransientModel):
    """Ask before the first import is undone: what will and what will not change."""

    _name = 'fieldpromax.run.undo'
    _description = 'Undo a sync run'

    run_id = fields.Many2one('fieldpromax.run', required=True, ondelete='cascade')
    changes_text = fields.Text('What changes', compute='_compute_texts')
    stays_text = fields.Text('What stays', compute='_compute_texts')

    @api.depends('run_id')
    def _compute_texts(self):
        for wizard in self:
            wizard.run_id.check_access('read')
            run = wizard.run_id.sudo()
            numbers = run._undo_numbers()
            wizard.changes_text = '\n'.join(
                [
                    *wizard._changes(numbers['archived'], numbers['unlinked'], numbers['restored']),
                    run._remembered_text(),
                ]
            )
            wizard.stays_text = '\n'.join(wizard._stays(run, numbers['used'], numbers['in_books']))

    def _changes(self, archived, unlinked, restored):
        sentences = []
        if archived:
            sentences.append(
                self.env._('1 record that the import made, and that nothing uses yet, is archived.')
                if archived == 1
                else self.env._(
                    '%s records that the import made, and that nothing uses yet, are archived.', archived
                )
            )
        if unlinked:
            sentences.append(
                self.env._('1 link to the books is taken apart.')
                if unlinked == 1
                else self.env._('%s links to the books are taken apart.', unlinked)
            )
        if restored:
            sentences.append(
                self.env._('1 record gets the values back that the import changed.')
                if restored == 1
                else self.env._('%s records get the values back that the import changed.', restored)
            )
        return sentences or [self.env._('There is nothing left to undo.')]

    def _stays(self, run, used, in_books):
        sentences = [
            self.env._(
                'Nothing changes in %s: what was filled in there from Odoo when the two were linked stays there. '
                'Nothing is deleted in Odoo.',
                run.connection_id._provider_label(),
            )
        ]
        if used:
            sentences.append(
                self.env._('1 record that the import made is used meanwhile: it stays, and stays linked.')
                if used == 1
                else self.env._(
                    '%s records that the import made are used meanwhile: they stay, and stay linked.', used
                )
            )
        if in_books:
            sentences.append(
                self.env._('1 record stands on invoices that have gone over: its link stays.')
                if in_books == 1
                else self.env._(
                    '%s records stand on invoices that have gone over: their links stay.', in_books
                )
            )
        sentences.append(self.env._('What somebody changed by hand since then stays as it is.'))
        return sentences

    def action_undo(self):
        self.ensure_one()
        self.run_id._undo()
        return self.run_id.action_open_form()
