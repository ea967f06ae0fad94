from odoo import api, models
from odoo.exceptions import UserError


class FieldpromaxLink(models.Model):
    """Taking a link apart: neither record is touched."""

    # Beside what the sync does with it.
    _inherit = 'fieldpromax.link'  # pylint: disable=consider-merging-classes-inherited

    def action_take_apart(self):
        """The two are not the same. The record of the books waits in match review again; the pair is remembered."""
        match = self.env['fieldpromax.match']
        match._check_bookkeeper()
        self.check_access('read')
        links = self.sudo().filtered(lambda link: link._is_matched())
        if not links:
            raise UserError(self.env._('There is no link that could be taken apart.'))
        for link in links:
            match.sudo()._remember_apart(link)
        names = links.mapped('external_name')
        links.unlink()
        message = (
            self.env._(
                'The link with "%s" is taken apart; neither record was changed. What becomes of the one of the books '
                'is decided in Match review.',
                names[0],
            )
            if len(names) == 1
            else self.env._(
                '%s links are taken apart; none of the records was changed. What becomes of those of the books is '
                'decided in Match review.',
                len(names),
            )
        )
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'title': self.env._('Taken apart'),
                'message': message,
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }

    def _is_matched(self):
        """Is it a link between records that matching brings together? Documents are linked by being sent."""
        self.ensure_one()
        return self.kind in ('contact', 'item') and bool(self[self._record_fields()[self.kind]])

    @api.model
    def _take_apart_of(self, records):
        """Take apart the links of these records with what is connected now."""
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        column = next(
            name
            for name in self._record_fields().values()
            if self._fields[name].comodel_name == records._name
        )
        domain = [('connection_id', '=', connection.id), (column, 'in', records.ids)]
        return self.search(domain).action_take_apart()
