from odoo import api, fields, models

from ..providers import dto, errors
from .fieldpromax_exchange import Decision
from .fieldpromax_link import DOCUMENT_KINDS
from .fieldpromax_link_counterpart import DELETED, DOCUMENTS_ASKED, SOUGHT_PER_PASS


class FieldpromaxExchange(models.Model):
    """What is sent names customers and products of the books, which may be archived, deleted or merged there."""

    # What happens to counterparts is long enough for a file of its own.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    # === RESTORING === #

    def _decide_restore(self, connection, context, record):
        """Somebody asked that the archived counterpart be restored; nothing else of it is touched."""
        link = context.links_of(self.role)[record.id]
        if link.external_active:
            return None
        if not link._can_restore():
            raise link._counterpart_hold()
        known = {
            'name': link.external_name or record._fieldpromax_name(),
            'external_id': link.external_id,
            'version': link.external_version or '',
            'active': True,
        }
        data = (
            dto.Contact(**known)
            if self.kind == 'contact'
            else dto.Item(code=link.external_number or '', **known)
        )
        return Decision(f'{self.kind}.restore', data, link.external_id)

    def _is_restoring(self):
        self.ensure_one()
        return (self.operation or '').endswith('.restore')

    def _record_restore(self, connection, remote):
        """What stands in the books now that it was to be restored there."""
        if remote is None:
            self.env['fieldpromax.link']._note_gone(connection, self.kind, [self.expected['external_id']])
            self._cancel(
                self.env._('It is not there any more, so %s cannot restore it.', connection._provider_label())
            )
            return
        self._renew_link(connection, remote)
        if not remote.active:
            # It did not take effect: decided anew.
            self._reopen('queued', {'next_attempt_at': fields.Datetime.now()})
            return
        self._finish(self.env._('Restored in %s.', connection._provider_label()))
        # What waited for it goes at once.
        connection._trigger_push()

    # === REFUSED BECAUSE OF WHAT IT NAMES === #

    def _counterpart_links(self, connection):
        """Links of what this exchange names: the customer and the products of a document."""
        self.ensure_one()
        links = self.env['fieldpromax.link']
        if not self.move_id:
            return links
        move = self.move_id
        role = connection._contact_role(move.currency_id)
        found = links.browse(
            link.id for link in links._of(connection, move.commercial_partner_id, role).values()
        )
        for link in links._of(connection, self._needed_products(connection, move)).values():
            found |= link
        return found

    def _is_about_counterpart(self, connection, error):
        """A refusal that says that something is archived, deleted or merged away in the books: what this is about is
        read there, and decided anew. Said again of the very same content, it is a refusal like any other.

        :return: whether it is dealt with.
        """
        self.ensure_one()
        if not isinstance(error, errors.NotFound) and error.code not in errors.COUNTERPART_CODES:
            return False
        is_document = self.kind in DOCUMENT_KINDS.values()
        own = self.env['fieldpromax.link'] if is_document else self._own_link(connection)
        if not own and not self._counterpart_links(connection):
            return False
        if self.refused_hash == self.content_hash:
            return False
        self._reopen(
            'queued',
            {
                'is_stale': True,
                'refused_hash': self.content_hash,
                'next_attempt_at': fields.Datetime.now(),
                'reason': self.env._(
                    '%s did not take it because of something that it names, which is looked at there now.',
                    connection._provider_label(),
                ),
            },
        )
        return True

    def _was_refused_for_another(self):
        self.ensure_one()
        return bool(self.refused_hash) and self.refused_hash == self.content_hash

    def _drive_counterparts(self, connection):
        """Read what this exchange names as it stands in the books now."""
        self.ensure_one()
        for link in self._counterpart_links(connection):
            link._drive_reading(connection)

    @api.model
    def _drive_whereabouts(self, connection, deadline):
        """Customers that vanished from the books: their documents know who took their place."""
        links = self.env['fieldpromax.link'].search(
            [
                ('connection_id', '=', connection.id),
                ('kind', '=', 'contact'),
                ('partner_id', '!=', False),
                ('external_status', '=', DELETED),
                ('sought_at', '=', False),
            ],
            order='id',
            limit=SOUGHT_PER_PASS,
        )
        for link in links:
            if not self._has_time(connection, deadline):
                return
            link._drive_search(connection, DOCUMENTS_ASKED)

    # === MERGED WHILE UNDER WAY === #

    def _keep_beside(self, connection, remote):
        """What was made for a record that is another one's now stays known, and is reported."""
        links = self.env['fieldpromax.link']
        record = self._record_of()
        links._link_many(connection, self.kind, [(record.browse(), remote)], role=self.role)
        beside = links._by_external_id(connection, self.kind, [remote.external_id])
        beside.filtered(lambda link: not link._record_of()).decision = 'ignore'
        if self.kind == 'contact':
            beside._report_merged_here(record)
