from urllib.parse import urlsplit

from odoo import api, fields, models
from odoo.tools import SQL

from .fieldpromax_connection import LOOPBACK_HOSTS


class FieldpromaxConnection(models.Model):
    """What a database that may be a copy, or a restored backup, asks and reads before it writes again."""

    # What becomes of copies is long enough for a file of its own.
    _inherit = 'fieldpromax.connection'  # pylint: disable=consider-merging-classes-inherited

    known_hosts = fields.Char(
        readonly=True,
        help='Hosts of web.base.url under which an administrator confirmed this database, separated by commas.',
    )
    restored_at = fields.Datetime(
        'Restored on',
        readonly=True,
        copy=False,
        help='What is older than this may be in the books already without this database knowing of it.',
    )
    is_rereading = fields.Boolean(
        readonly=True, help='Nothing is sent before everything was read from the books once more.'
    )

    @api.depends('is_rereading', 'known_hosts')
    def _compute_status(self):
        result = super()._compute_status()
        for connection in self:
            if connection.is_rereading and connection.status == 'connected' and not connection.status_text:
                connection.status_text = self.env._(
                    'Everything is read from %s once more before anything is sent, because this database may have been '
                    'restored from a backup. What waits then goes by itself; there is nothing to do.',
                    connection._provider_label(),
                )
        return result

    # === WHOSE DATABASE === #

    @api.model
    def _base_host(self):
        """The host under which this database is known; the names of this very machine count as one."""
        base = self.env['ir.config_parameter'].sudo().get_param('web.base.url') or ''
        try:
            host = urlsplit(base).hostname or ''
        except ValueError:
            return base  # not an address at all, and surely not one that somebody confirmed
        return 'localhost' if host in LOOPBACK_HOSTS else host

    def _has_unknown_host(self):
        """Is the database known under an address that nobody confirmed? A machine that was cloned as a whole differs
        from the original in nothing else."""
        self.ensure_one()
        # Of a connection that was made before hosts were kept nothing can be said.
        return bool(self.known_hosts) and self._base_host() not in self.known_hosts.split(',')

    def _is_copy(self):
        return super()._is_copy() or self._has_unknown_host()

    def _identity_values(self):
        hosts = [*(self.known_hosts or '').split(','), self._base_host()] if self else [self._base_host()]
        return {**super()._identity_values(), 'known_hosts': ','.join(dict.fromkeys(filter(None, hosts)))}

    def _copy_text(self):
        """Why this database is taken for a copy, and what to do, as a sentence or two."""
        self.ensure_one()
        provider = self._provider_label()
        if not self._has_other_identity() and self._has_unknown_host():
            return self.env._(
                'This database is known under a new address, %(address)s: nothing is exchanged with %(provider)s until '
                'an administrator says in the settings that it is the real one. The redirect URI to enter for the app '
                'is then %(redirect)s.',
                address=self.env['ir.config_parameter'].sudo().get_param('web.base.url') or '',
                provider=provider,
                redirect=self.env['fieldpromax.authorization']._redirect_uri(self.provider),
            )
        return self.env._(
            'This database is a copy: nothing is exchanged with %(provider)s until an administrator says in the '
            'settings which database is the real one.',
            provider=provider,
        )

    # === READING BEFORE WRITING === #

    def _note_restored(self):
        """The database may be older than what was sent in its name: everything is read anew before anything is sent,
        and what is older than this moment is looked for in the books before it is made there."""
        self.ensure_one()
        self.write({'restored_at': fields.Datetime.now(), 'is_rereading': True})
        connection = self._as_driver()
        env = connection.env
        env['fieldpromax.checkpoint'].search([('connection_id', '=', self.id)]).write(
            {'phase': 'idle', 'cursor': False, 'pass_since': False, 'since': False, 'full_at': False}
        )
        env['fieldpromax.run']._start_anew(connection)
        env['fieldpromax.settlement'].search(
            [('connection_id', '=', self.id), ('external_id', '=', False)]
        ).write({'is_compared': False, 'foreign_amount': 0})
        env['fieldpromax.attachment'].search(
            [('connection_id', '=', self.id), ('external_id', '=', False)]
        ).write({'is_compared': False})
        waiting = env['fieldpromax.exchange'].search(
            [('connection_id', '=', self.id), ('state', 'in', ('queued', 'retry', 'blocked'))]
        )
        waiting.write({'looked_up': False, 'twin': False, 'searched_at': False})
        waiting.filtered(lambda exchange: exchange.state != 'blocked').write(
            {'reason': self._rereading_text()}
        )
        env['fieldpromax.link']._ask_for_audit(connection)

    def _rereading_text(self):
        return self.env._(
            'Waits until everything is read from %s once more, because this database may have been restored from a '
            'backup.',
            self._provider_label(),
        )

    def _end_rereading(self):
        """Everything was read: what waits may go, each once it was looked for."""
        self.ensure_one()
        if not self.is_rereading:
            return
        checkpoints = self.env['fieldpromax.checkpoint']
        read_at = [
            checkpoints._of(self, kind).pulled_at for kind in self.env['fieldpromax.run']._pulled_kinds(self)
        ]
        if not all(at and at >= self.restored_at for at in read_at):
            return
        self.is_rereading = False
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_exchange SET reason = NULL
                 WHERE connection_id = %s AND state IN ('queued', 'retry') AND reason = %s
                """,
                self.id,
                self._rereading_text(),
            )
        )
        self.env['fieldpromax.exchange'].invalidate_model(['reason'])
        self._trigger_push()

    def _predates_restore(self, record):
        """May ``record`` have been sent by a later life of this database, of which it knows nothing?"""
        self.ensure_one()
        return bool(self.restored_at and record.create_date and record.create_date <= self.restored_at)

    def action_claim_database(self):
        connection = self._check_action()
        was_copy = connection._looks_copied()
        result = super().action_claim_database()
        if was_copy:
            connection._note_restored()
        return result

    def action_note_restored(self):
        """ "It was restored over itself": nothing tells such a database from the one before."""
        connection = self._check_action()
        if connection.state != 'disconnected' and not connection._looks_copied():
            connection._note_restored()
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}
