from odoo import api, fields, models
from odoo.tools.i18n import format_list

from ..elapsed import ago_text
from .fieldpromax_run import OPEN_STATES

# States of an exchange that change within seconds, by themselves.
MOVING_STATES = ('queued', 'sending')


class FieldpromaxConnection(models.Model):
    """What the overview, first page of Accounting Sync, shows of a connection. Nothing here is stored."""

    _inherit = 'fieldpromax.connection'

    is_importing = fields.Boolean(compute='_compute_import')
    is_moving = fields.Boolean(
        compute='_compute_import', help='The page reads itself anew while this is set.'
    )
    import_line_ids = fields.Many2many('fieldpromax.run.line', compute='_compute_import')
    import_text = fields.Char(compute='_compute_import')
    last_sync_text = fields.Char('Last sync', compute='_compute_last_sync_text')
    sent_count = fields.Integer('Sent this month', compute='_compute_to_do')
    mapping_count = fields.Integer('To confirm', compute='_compute_to_do')
    mapping_text = fields.Char(compute='_compute_to_do')
    match_text = fields.Char(compute='_compute_to_do')
    has_to_do = fields.Boolean(compute='_compute_to_do')

    # === COMPUTE METHODS === #

    @api.depends('run_ids.state', 'run_ids.reason')
    def _compute_import(self):
        runs = (
            self.env['fieldpromax.run']
            .sudo()
            .search(
                [('connection_id', 'in', self.ids), ('kind', '=', 'initial'), ('state', 'in', OPEN_STATES)]
            )
        )
        run_of = {run.connection_id.id: run for run in runs}
        moving = dict(
            self.env['fieldpromax.exchange']
            .sudo()
            ._read_group(
                [('connection_id', 'in', self.ids), ('state', 'in', MOVING_STATES)],
                ['connection_id'],
                ['__count'],
            )
        )
        for connection in self:
            run = run_of.get(connection.id, runs.browse())
            connection.is_importing = bool(run)
            connection.import_line_ids = run.line_ids.with_env(self.env)
            connection.import_text = run.reason or self.env._(
                'It goes on in the background. You can leave this page.'
            )
            connection.is_moving = connection.status == 'connected' and bool(run or connection in moving)

    def _compute_last_sync_text(self):
        ended = dict(
            self.env['fieldpromax.run']
            .sudo()
            ._read_group(
                [('connection_id', 'in', self.ids), ('state', '=', 'done')],
                ['connection_id'],
                ['ended_at:max'],
            )
        )
        for connection in self:
            at = ended.get(connection)
            connection.last_sync_text = ago_text(self.env, at) if at else self.env._('Not yet')

    @api.depends('status')
    def _compute_to_do(self):
        mappings = self._count_all('fieldpromax.mapping', [('needs_attention', '=', True)])
        month = fields.Date.context_today(self).replace(day=1)
        sent = self._count_all('fieldpromax.link', [('kind', '=', 'invoice'), ('create_date', '>=', month)])
        waiting = self._count_matches()
        for connection in self:
            open_mappings, matches = mappings.get(connection, 0), connection.match_count
            connection.sent_count = sent.get(connection, 0)
            connection.mapping_count = open_mappings
            connection.mapping_text = connection._mapping_text(open_mappings)
            counted = waiting.get(connection.id, {})
            told = [
                self._match_text_of(kind, counted[kind]) for kind in self._match_kinds() if kind in counted
            ]
            names = format_list(self.env, told)
            connection.match_text = (
                self.env._('%s waits for your decision.', names)
                if matches == 1
                else self.env._('%s wait for your decision.', names)
            )
            connection.has_to_do = connection.status == 'connected' and bool(open_mappings or matches)

    def _mapping_text(self, count):
        """What is missing among the mappings, or only waits for a person, in words; '' when nothing is."""
        self.ensure_one()
        if not count:
            return ''
        rows = (
            self.env['fieldpromax.mapping']
            .sudo()
            ._read_group(
                [('connection_id', '=', self.id), ('needs_attention', '=', True)],
                ['state'],
                ['__count', 'invoice_count:max'],
            )
        )
        counts = {state: number for state, number, _most in rows}
        missing, to_confirm = counts.get('missing', 0), count - counts.get('missing', 0)
        sentences = []
        if missing:
            sentences.append(
                self.env._('1 counterpart in the books is missing.')
                if missing == 1
                else self.env._('%s counterparts in the books are missing.', missing)
            )
        if to_confirm:
            sentences.append(
                self.env._('1 suggestion has to be confirmed once.')
                if to_confirm == 1
                else self.env._('%s suggestions have to be confirmed once.', to_confirm)
            )
        most = max((number or 0 for _state, _count, number in rows), default=0)
        sentences.append(
            self.env._('1 invoice of the last 12 months would wait for that.')
            if most == 1
            else self.env._(
                'Up to %s invoices of the last 12 months would wait for one of these alone.', most
            )
            if most
            else self.env._('Invoices that need one of these wait until then.')
        )
        return ' '.join(sentences)

    @api.model
    def _match_kinds(self):
        """The kinds that are matched, in the order in which people read of them. Another addon adds its own."""
        return ('contact', 'item')

    @api.model
    def _match_text_of(self, kind, count):
        """So many records of a kind, in words."""
        if kind == 'contact':
            return self.env._('1 customer') if count == 1 else self.env._('%s customers', count)
        return self.env._('1 product') if count == 1 else self.env._('%s products', count)

    def _count_all(self, model_name, domain):
        """``{connection: count}``, whatever the person may read of the rows themselves."""
        groups = (
            self.env[model_name]
            .sudo()
            ._read_group([('connection_id', 'in', self.ids), *domain], ['connection_id'], ['__count'])
        )
        return {self.browse(connection.id): count for connection, count in groups}

    # === ACTIONS === #

    @api.model
    def action_open_overview(self):
        """The first page of Accounting Sync: the connection itself when there is one only, otherwise the list."""
        action = self.env['ir.actions.act_window']._for_xml_id(
            'fieldpromax_accounting.fieldpromax_connection_action'
        )
        connections = self.search([('company_id', 'in', self.env.companies.ids)], limit=2)
        in_use = connections.filtered(lambda connection: connection.state != 'disconnected')
        shown = in_use if len(in_use) == 1 else connections
        if len(shown) == 1:
            action.update(res_id=shown.id, view_mode='form', views=[(False, 'form')])
        return action

    def action_view_radar(self):
        """What of Odoo would make trouble in the books."""
        self.ensure_one()
        self.check_access('read')
        return self.env['fieldpromax.radar'].with_company(self.company_id).action_open_radar()

    def action_view_mappings(self):
        """What stands for what in the books: the guided page for who decides about it, the list for others."""
        self.ensure_one()
        if self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            return self.env['fieldpromax.mapping.guide']._open(self)
        return self.action_list_mappings()

    def action_list_mappings(self):
        """All mappings in one list."""
        self.ensure_one()
        return self._open_rows('mapping', [])

    def action_view_sent(self):
        """The customer invoices that stand in the books."""
        self.ensure_one()
        self.check_access('read')
        action = self.env['ir.actions.act_window']._for_xml_id('account.action_move_out_invoice_type')
        context = {'default_move_type': 'out_invoice', 'search_default_fieldpromax_sent': 1}
        return {**action, 'domain': [('move_type', '=', 'out_invoice')], 'context': context}
