import logging

from odoo import api, fields, models
from odoo.exceptions import UserError
from odoo.fields import Domain
from odoo.service.model import PG_CONCURRENCY_EXCEPTIONS_TO_RETRY
from odoo.tools import SQL

_logger = logging.getLogger(__name__)


class FieldpromaxSyncMixin(models.AbstractModel):
    """A record of Odoo that people send to the books: how it stands there, what they can do, and queueing it.

    A model that takes this sets ``_fieldpromax_kind``, defines ``fieldpromax_state`` with its words, and overrides
    ``_compute_fieldpromax_state``, ``_fieldpromax_queue`` and ``_fieldpromax_connection``. Nothing is stored.
    """

    _name = 'fieldpromax.sync.mixin'
    _description = 'Record that goes to the books'

    #: kind of its links and exchanges
    _fieldpromax_kind = ''
    #: state of a live exchange → state of the record
    _fieldpromax_states = {}
    #: what ``_fieldpromax_set_state`` sets, without the prefix of the fields
    _fieldpromax_described = (
        'state',
        'reason',
        'headline',
        'external_id',
        'provider_label',
        'can_push',
        'can_retry',
        'issue_id',
    )

    fieldpromax_reason = fields.Char(
        'Accounting note', compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_headline = fields.Char(
        'Accounting', compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_external_id = fields.Char(
        'ID in the books',
        compute='_compute_fieldpromax_state',
        search='_search_fieldpromax_external_id',
        compute_sudo=True,
        groups='base.group_user',
    )
    fieldpromax_provider_label = fields.Char(
        compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_can_push = fields.Boolean(
        compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_can_retry = fields.Boolean(
        compute='_compute_fieldpromax_state', compute_sudo=True, groups='base.group_user'
    )
    fieldpromax_issue_id = fields.Many2one(
        'fieldpromax.issue',
        'Accounting issue',
        compute='_compute_fieldpromax_state',
        compute_sudo=True,
        groups='base.group_user',
    )

    # === COMPUTE METHODS === #

    def _compute_fieldpromax_state(self):
        """In batch, from the links and live exchanges; the model says from which of its fields it depends."""
        self._fieldpromax_set_state()

    def _fieldpromax_set_state(self, state=False, **values):
        """Set what is described; what is left out is empty."""
        values['state'] = state
        for name in self._fieldpromax_described:
            self[f'fieldpromax_{name}'] = values.get(name, False)

    @api.model
    def _fieldpromax_column(self):
        """The column of links and exchanges that names a record of this model."""
        return self.env['fieldpromax.link']._record_fields()[self._fieldpromax_kind]

    def _fieldpromax_live_exchanges(self, connection):
        """``{record id: exchange}`` of those that wait or are on their way."""
        column = self._fieldpromax_column()
        exchanges = self.env['fieldpromax.exchange'].search(
            [
                ('connection_id', '=', connection.id),
                (column, 'in', self.ids),
                ('state', 'in', list(self._fieldpromax_states)),
            ],
            order='id',
        )
        return {exchange[column].id: exchange for exchange in exchanges}

    # === SEARCH METHODS === #

    def _search_fieldpromax_external_id(self, operator, value):
        column = self._fieldpromax_column()
        links = (
            self.env['fieldpromax.link']
            .sudo()
            ._search(
                [
                    ('external_id', operator, value),
                    (column, '!=', False),
                    ('connection_id.state', '!=', 'disconnected'),
                ]
            )
        )
        return Domain('id', 'in', links.subselect(column))

    def _fieldpromax_subquery(self, table, values=(), column='state'):
        """Ids of the records with a row in that table of ours, of connections in use: never a list, a ledger is long.

        :param values: of ``column``, that a row must have one of; () takes every row.
        """
        return SQL(
            """(SELECT x.%(record)s FROM %(table)s x JOIN fieldpromax_connection c ON c.id = x.connection_id
                 WHERE x.%(record)s IS NOT NULL AND %(in_use)s %(condition)s)""",
            record=SQL.identifier(self._fieldpromax_column()),
            table=SQL.identifier(f'fieldpromax_{table}'),
            in_use=self.env['fieldpromax.connection']._in_use_sql(),
            condition=SQL('AND %s IN %s', SQL.identifier('x', column), tuple(values)) if values else SQL(),
        )

    # === QUEUEING === #

    def _fieldpromax_queue_if(self, event):
        """Queue what the connection sends on this event. Whatever goes wrong here never stops the person: the hourly
        sweep finds what was not queued."""
        if self.env.context.get('fieldpromax_no_push'):
            return
        try:
            with self.env.cr.savepoint(flush=False):
                self.sudo()._fieldpromax_queue(event)
        except PG_CONCURRENCY_EXCEPTIONS_TO_RETRY:
            raise  # Odoo repeats the whole request
        except Exception:
            # Of any addon that takes part: what the person did stands, and the sweep sends it.
            _logger.exception('%s %s could not be queued for the books', self._name, self.ids)

    def _fieldpromax_queue(self, event):
        """Enqueue those of these records that the event concerns, and wake the driver. Called with all rights."""

    def _fieldpromax_connection(self):
        """The connection that serves this record; empty when there is none."""
        self.ensure_one()
        return self.env['fieldpromax.connection']._active_for(self.company_id)

    def _fieldpromax_name(self):
        self.ensure_one()
        return self.name or self.display_name

    # === ACTIONS === #

    def action_fieldpromax_retry(self):
        """Try again what waits for a person or for a time."""
        self.check_access('read')
        exchanges = self.env['fieldpromax.exchange'].search(
            [(self._fieldpromax_column(), 'in', self.ids), ('state', 'in', ('retry', 'blocked'))]
        )
        return exchanges.action_retry()

    def action_fieldpromax_open(self):
        """Open the record where the bookkeeper sees it."""
        self.ensure_one()
        self.check_access('read')
        return self.env['fieldpromax.link']._open_in_books(self._fieldpromax_connection(), self)

    def action_fieldpromax_open_issue(self):
        """Show what keeps this record back."""
        self.ensure_one()
        self.check_access('read')
        return {
            'type': 'ir.actions.act_window',
            'res_model': 'fieldpromax.issue',
            'res_id': self.fieldpromax_issue_id.id,
            'view_mode': 'form',
        }

    @api.model
    def _fieldpromax_tell_queued(self, message, refusals):
        """What the person sees after "Push to accounting".

        :param str message: what is on its way; '' when nothing is
        :param list refusals: sentences about the rest
        :raise UserError: nothing is on its way
        """
        if not message:
            raise UserError('\n'.join((self.env._('Nothing can be sent.'), *refusals)))
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'message': ' '.join((message, *refusals)),
                'type': 'warning' if refusals else 'success',
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }
