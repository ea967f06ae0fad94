from odoo import api, fields, models
from odoo.exceptions import UserError

from ..matching import text_key
from ..models.fieldpromax_link import record_fields
from ..providers import errors

# More than these nobody reads: a name narrows them down.
SHOWN = 200


class FieldpromaxRelink(models.TransientModel):
    """Choose another counterpart for a record whose own is archived or deleted in the books."""

    _name = 'fieldpromax.relink'
    _description = 'Link to another record of the books'

    issue_id = fields.Many2one('fieldpromax.issue', required=True, ondelete='cascade', readonly=True)
    link_id = fields.Many2one(related='issue_id.link_id')
    record_name = fields.Char(related='link_id.record_name')
    external_name = fields.Char('Linked so far', related='link_id.external_name')
    provider_label = fields.Char(related='issue_id.provider_label')
    name = fields.Char(
        'Look for', help='Its name in the books, letter for letter but for upper and lower case.'
    )
    candidate_ids = fields.One2many('fieldpromax.relink.candidate', 'relink_id', readonly=True)
    candidate_id = fields.Many2one(
        'fieldpromax.relink.candidate', 'Link to', domain="[('id', 'in', candidate_ids)]"
    )

    @api.model_create_multi
    def create(self, vals_list):
        """With what the books have that is linked to nothing here, as last read."""
        relinks = super().create(vals_list)
        self.env['fieldpromax.relink.candidate'].create(
            [
                {'relink_id': relink.id, 'name': label, 'external_id': external_id}
                for relink in relinks
                for label, external_id in relink._free()
            ]
        )
        return relinks

    def _open(self):
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Link to another one of %s', self.provider_label),
            'res_model': self._name,
            'res_id': self.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def _link(self):
        """The link that the issue is about, with all rights, once the person may work on it."""
        return self.issue_id._counterpart('can_re_link')

    def _free(self):
        """``[(label, external id)]`` of records of the books without a record here, those of the same name first."""
        self.ensure_one()
        link = self._link()
        connection, column = link.connection_id, record_fields(self.env)[link.kind]
        common = [('connection_id', '=', connection.id), ('kind', '=', link.kind)]
        found = {}
        for row in (
            self.env['fieldpromax.match']
            .sudo()
            .search(
                [*common, ('external_id', '!=', ''), ('decision', 'in', ('pending', 'ignore'))], limit=SHOWN
            )
        ):
            found[row.external_id] = (row.external_name, row.external_email or row.external_code)
        for row in link.search([*common, (column, '=', False), ('external_active', '=', True)], limit=SHOWN):
            found[row.external_id] = (row.external_name, row.external_email or row.external_number)
        taken = link.search([*common, ('external_id', 'in', list(found)), (column, '!=', False)])
        for external_id in taken.mapped('external_id'):
            del found[external_id]
        wanted = text_key(link.record_name)
        ordered = sorted(found.items(), key=lambda item: (text_key(item[1][0]) != wanted, item[1][0] or ''))
        return [(' · '.join(filter(None, words)), external_id) for external_id, words in ordered]

    def action_look(self):
        """Ask the books for a name: what is found can be chosen."""
        self.ensure_one()
        link = self._link()
        connection, column = link.connection_id, record_fields(self.env)[link.kind]
        name = (self.name or '').strip()
        if not name:
            raise UserError(self.env._('Enter the name that it has in %s.', self.provider_label))
        try:
            found = connection._talk(lambda provider: provider.find_records(link.kind, [name]))
        except errors.ProviderError as error:
            raise UserError(self.env['fieldpromax.exchange'].sudo()._reason_of(connection, error)) from None
        usable = [record for record in found if record.active and record.external_id != link.external_id]
        linked = link._by_external_id(connection, link.kind, [record.external_id for record in usable])
        taken = set(linked.filtered(column).mapped('external_id'))
        free = [record for record in usable if record.external_id not in taken]
        if not free:
            raise UserError(
                self.env._(
                    '%(provider)s has no "%(name)s" that is active and not linked to another record here.',
                    provider=self.provider_label,
                    name=name,
                )
            )
        candidates = self.env['fieldpromax.relink.candidate'].create(
            [
                {
                    'relink_id': self.id,
                    'name': ' · '.join(
                        filter(None, (one.name, getattr(one, 'email', '') or getattr(one, 'code', '')))
                    ),
                    'external_id': one.external_id,
                }
                for one in free
            ]
        )
        self.candidate_id = candidates[:1]
        return self._open()

    def action_link(self):
        """Link to what was chosen, as it stands in the books at this moment."""
        self.ensure_one()
        link = self._link()
        if self.candidate_id not in self.candidate_ids:
            raise UserError(self.env._('Choose what it is to be linked to.'))
        connection, external_id = link.connection_id, self.candidate_id.external_id
        known = link._by_external_id(connection, link.kind, [external_id])
        if known and known._record_of():
            raise UserError(
                self.env._(
                    '"%(name)s" is linked to "%(other)s" meanwhile. Choose another one.',
                    name=self.candidate_id.name,
                    other=known._record_of().display_name,
                )
            )
        try:
            remote = connection._talk(lambda provider: provider.get_record(link.kind, external_id))
        except errors.NotFound:
            raise UserError(
                self.env._('It is not in %s any more. Choose another one.', self.provider_label)
            ) from None
        except errors.ProviderError as error:
            raise UserError(self.env['fieldpromax.exchange'].sudo()._reason_of(connection, error)) from None
        if not remote.active:
            raise UserError(self.env._('It is archived in %s. Choose another one.', self.provider_label))
        link._re_link(remote)
        self.issue_id.sudo()._solve()
        return {'type': 'ir.actions.act_window_close'}


class FieldpromaxRelinkCandidate(models.TransientModel):
    """A record of the books that may be chosen."""

    _name = 'fieldpromax.relink.candidate'
    _description = 'Record of the books to link to'
    _order = 'id'

    relink_id = fields.Many2one('fieldpromax.relink', required=True, ondelete='cascade')
    name = fields.Char('In the books', required=True, readonly=True)
    external_id = fields.Char(required=True, readonly=True)
