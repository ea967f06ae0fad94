from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError

#: field of the page → the kinds of mappings in it; every other kind stands under ``other_ids``
PAGES = {
    'account_ids': ('account', 'item'),
    'tax_ids': ('tax',),
    'term_ids': ('term',),
    'currency_ids': ('currency',),
    'category_ids': ('category',),
}


class FieldpromaxMappingGuide(models.TransientModel):
    """The page on which a bookkeeper settles what stands for what in the books: first what is missing, then the rest,
    each with the number of invoices that use it."""

    _name = 'fieldpromax.mapping.guide'
    _description = 'Guide through the mappings'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, readonly=True, ondelete='cascade'
    )
    provider_label = fields.Char(related='connection_id.provider_label')
    issue_id = fields.Many2one(
        'fieldpromax.issue', readonly=True, ondelete='cascade', help='Where one came from.'
    )
    issue_text = fields.Char(compute='_compute_rows')
    todo_ids = fields.One2many('fieldpromax.mapping', compute='_compute_rows', readonly=False)
    account_ids = fields.One2many('fieldpromax.mapping', compute='_compute_rows', readonly=False)
    tax_ids = fields.One2many('fieldpromax.mapping', compute='_compute_rows', readonly=False)
    term_ids = fields.One2many('fieldpromax.mapping', compute='_compute_rows', readonly=False)
    currency_ids = fields.One2many('fieldpromax.mapping', compute='_compute_rows', readonly=False)
    category_ids = fields.One2many('fieldpromax.mapping', compute='_compute_rows', readonly=False)
    other_ids = fields.One2many('fieldpromax.mapping', compute='_compute_rows', readonly=False)
    todo_count = fields.Integer(compute='_compute_rows')
    todo_text = fields.Char(compute='_compute_rows')
    suggestion_count = fields.Integer(compute='_compute_rows')

    @api.depends('connection_id')
    def _compute_display_name(self):
        for guide in self:
            guide.display_name = self.env._('Mappings to %s', guide.provider_label)

    @api.depends('connection_id', 'issue_id')
    def _compute_rows(self):
        for guide in self:
            rows = self.env['fieldpromax.mapping'].search([('connection_id', '=', guide.connection_id.id)])
            asked = rows.filtered('needs_attention')
            todo = asked | rows._holding_up()
            wanted = guide.issue_id.mapping_id
            # What one came for, then what stands in the way of most invoices.
            guide.todo_ids = todo.sorted(
                lambda row, wanted=wanted: (row != wanted, row.state != 'missing', -row.invoice_count, row.id)
            )
            settled = (rows - todo).sorted(
                lambda row: (row.sequence, -row.invoice_count, row.use or '', row.id)
            )
            for name, kinds in PAGES.items():
                guide[name] = settled.filtered(lambda row, kinds=kinds: row.kind in kinds)
            known = [kind for kinds in PAGES.values() for kind in kinds]
            guide.other_ids = settled.filtered(lambda row, known=known: row.kind not in known)
            guide.todo_count = len(todo)
            guide.suggestion_count = len(todo._to_accept())
            guide.todo_text = guide.connection_id._mapping_text(len(asked))
            guide.issue_text = guide._text_of_issue() if wanted and guide.issue_id.state == 'open' else False

    def _text_of_issue(self):
        held = self.issue_id.held_text if self.issue_id.held_count else ''
        if self.issue_id.mapping_id in self.todo_ids:
            return ' '.join(filter(None, (f'{self.issue_id.title}.', held)))
        return self.env._(
            '"%s" is settled. What waited for it goes by itself within a minute.',
            self.issue_id.mapping_id.record_name,
        )

    # === ACTIONS === #

    @api.model
    def _open(self, connection, issue=None):
        """The page, with what invoices use counted anew. The person's access to the connection is checked."""
        connection.check_access('read')
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can decide about mappings.'))
        self.env['fieldpromax.mapping']._prepare(connection, unsettled_only=True)
        guide = self.create({'connection_id': connection.id, 'issue_id': issue.id if issue else False})
        return guide._show()

    def _show(self):
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Mappings'),
            'res_model': self._name,
            'res_id': self.id,
            'view_mode': 'form',
            'views': [(False, 'form')],
        }

    def action_accept(self):
        """Everything that is suggested is right."""
        self.ensure_one()
        rows = self.todo_ids._to_accept()
        if not rows:
            raise UserError(
                self.env._(
                    'Nothing is suggested that waits for you. Choose the counterparts that are missing.'
                )
            )
        rows.action_confirm()
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'message': self.env._('1 mapping is confirmed.')
                if len(rows) == 1
                else self.env._('%s mappings are confirmed.', len(rows)),
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }

    def action_refresh(self):
        """Read accounts, taxes and currencies of the books again, in the background."""
        self.ensure_one()
        return self.env['fieldpromax.mapping'].with_company(self.connection_id.company_id).action_refresh()

    def action_add_rule(self):
        """Ask for a product or category whose revenue is booked elsewhere."""
        self.ensure_one()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Another account for a product or a category'),
            'res_model': 'fieldpromax.mapping.rule',
            'view_mode': 'form',
            'target': 'new',
            'context': {'default_connection_id': self.connection_id.id},
        }

    def action_list(self):
        """All mappings in one list, to search and to group."""
        self.ensure_one()
        return self.connection_id.action_list_mappings()
