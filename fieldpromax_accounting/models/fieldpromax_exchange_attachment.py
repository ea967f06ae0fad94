from dataclasses import replace

from odoo import api, fields, models

from ..comparison import VOID_STATUSES
from ..holds import Hold, NotToBeSent, WaitFor
from ..providers import dto, errors, registry
from .fieldpromax_exchange import OPEN_PREDICATE, Decision


class FieldpromaxExchange(models.Model):
    """Files: attached to their document in the books once nothing else waits, each on its own.

    A file that cannot be attached holds up neither its document nor anything else.
    """

    # What becomes of files is long enough for a file of its own.
    _inherit = 'fieldpromax.exchange'  # pylint: disable=consider-merging-classes-inherited

    kind = fields.Selection(
        selection_add=[('attachment', 'File of an invoice')], ondelete={'attachment': 'cascade'}
    )
    file_id = fields.Many2one(
        'fieldpromax.attachment', index='btree_not_null', ondelete='set null', readonly=True
    )

    _open_file_unique = models.UniqueIndex(
        f'(connection_id, file_id) WHERE file_id IS NOT NULL AND {OPEN_PREDICATE}'
    )

    @api.model
    def _record_columns(self):
        return {**super()._record_columns(), 'attachment': 'file_id'}

    def _shown_record(self):
        """A file is seen at its document."""
        return self.file_id.move_id if self.kind == 'attachment' else super()._shown_record()

    # === THE DRIVER === #

    @api.model
    def _sweep_connected(self, connection):
        found = self.env['fieldpromax.attachment']._sweep(connection)
        return super()._sweep_connected(connection) + found

    def _drive_ready(self, connection):
        """Files come last: they are large, and nothing waits for them."""
        return super()._drive_ready(connection) or self._drive_file(connection)

    def _drive_file(self, connection):
        """Attach the next file. False when none is ready."""
        exchange = self._ready(connection, 'attachment', 1)
        if not exchange:
            return False
        wanted = exchange._files_to_compare(connection)
        if wanted:
            try:
                found = connection._talk(lambda provider: provider.look_up('attachment', [wanted]))
            except errors.ValidationRejected as error:
                self._drive_step(exchange._record_refusal, connection, error)
                return True
            except errors.ProviderError as error:
                self._drive_step(exchange._retry_after, error)
                raise
            self._drive_step(exchange.file_id._compare, connection, found)
        claimed = self._drive_step(self._claim, connection, 'attachment')
        if claimed is None:
            return False
        call, _exchange = claimed
        if call:
            self._drive_call(connection, call)
        return True

    def _files_to_compare(self, connection):
        """What has to be asked of the books before the file is sent: where a file takes the place of another one of the
        same name, somebody else's must not be overwritten. None when there is nothing to ask."""
        row = self.file_id
        if row.is_compared or row.external_id or not connection._capabilities().files_by_name:
            return None
        link = self.env['fieldpromax.link']._of(connection, row.move_id).get(row.move_id.id)
        if not link or not self._permits_files(connection):
            return None
        return dto.Wanted('', documents=(link.external_id,), document_kind=link.kind)

    @api.model
    def _permits_files(self, connection):
        """Does the consent cover files?"""
        token = self.env['fieldpromax.credential'].sudo()._token_set(connection)
        return not token or registry.get(connection.provider).permits_files(token.scopes)

    def _drive_look_up(self, connection, call):
        try:
            return super()._drive_look_up(connection, call)
        except errors.ValidationRejected:
            if call.operation != 'attachment.create':
                raise
            # Files may not even be read there: it is looked up again later, and everything else goes on.
            return None

    # === STEP 1: CLAIM === #

    def _decide(self, connection, context):
        if self.kind == 'attachment':
            return self._decide_file(connection, context)
        return super()._decide(connection, context)

    def _decide_file(self, connection, context):
        """:raise NotToBeSent, WaitFor, Hold: why it is not attached."""
        row, provider = self.file_id, connection._provider_label()
        move = row.move_id
        if not row or not move:
            raise NotToBeSent(self.env._('"%s" was deleted in Odoo.', self.record_name or ''))
        if row.external_id:
            return None
        if not (connection.attach_pdf if row.is_pdf else connection.attach_files):
            raise NotToBeSent(self.env._('Files of this sort are not attached, by the settings.'))
        attachment = row.attachment_id.sudo()
        if not attachment or attachment.res_model != move._name or attachment.res_id != move.id:
            raise NotToBeSent(self.env._('The file was taken off the invoice in Odoo.'))
        if attachment.checksum != row.checksum:
            raise NotToBeSent(self.env._('The file was changed in Odoo: the new one goes instead.'))
        if row.is_pdf and not attachment.res_field:
            raise NotToBeSent(self.env._('The invoice was reset to draft: its next PDF goes instead.'))
        link = self.env['fieldpromax.link']._of(connection, move).get(move.id)
        if move.state != 'posted' or not link:
            raise NotToBeSent(
                self.env._('%(name)s does not count in %(provider)s.', name=move.name, provider=provider)
            )
        if link.external_status in VOID_STATUSES:
            raise NotToBeSent(
                self.env._('%(name)s is void in %(provider)s.', name=move.name, provider=provider)
            )
        if not self._permits_files(connection):
            raise self._no_permission_hold(connection)
        under_way = self.search(
            [
                ('connection_id', '=', connection.id),
                ('move_id', '=', move.id),
                ('state', 'in', ('sending', 'uncertain')),
            ],
            limit=1,
        )
        if under_way:
            raise WaitFor(self.env._('Waits for "%s".', move.name), under_way.next_attempt_at)
        data = row._prepare(link)
        if problems := context.provider.check(self.kind, data):
            raise self._file_hold(
                connection,
                'rules',
                ' '.join(problems),
                self.env._('Take it off the invoice, or put a file in its place that may be attached.'),
            )
        self._check_number_of_files(connection, context, row)
        return Decision('attachment.create', data, key=row.name)

    def _check_number_of_files(self, connection, context, row):
        most = context.provider.file_rule.max_files
        attached = self.env['fieldpromax.attachment'].search_count(
            [
                ('connection_id', '=', connection.id),
                ('move_id', '=', row.move_id.id),
                ('external_id', '!=', False),
            ]
        )
        if most and attached >= most:
            raise self._file_hold(
                connection,
                'rules',
                self.env._(
                    '%(provider)s takes %(count)s files to a document.',
                    provider=connection._provider_label(),
                    count=most,
                ),
                self.env._('Put several files into one, and take the single ones off the invoice.'),
            )

    def _no_permission_hold(self, connection):
        provider = connection._provider_label()
        return Hold(
            'files_not_permitted',
            'files_not_permitted',
            self.env._('Files are not attached in %s', provider),
            self.env._('The consent of this connection is older than this, and does not cover files.'),
            self.env._(
                'Connect to %s again in the settings, and leave all permissions ticked. Everything else goes on '
                'meanwhile.',
                provider,
            ),
        )

    def _file_hold(self, connection, cause, reason, remedy, can_retry=False):
        return Hold(
            cause,
            f'{cause}:attachment:{self.file_id.id}',
            self.env._(
                '"%(name)s" is not attached in %(provider)s',
                name=self.file_id.name or self.record_name,
                provider=connection._provider_label(),
            ),
            reason,
            remedy,
            can_retry=can_retry,
            **self._record_values(),
        )

    # === STEP 2: CALL === #

    def _call(self, connection, call):
        """The bytes are read now, and only if they are still those that the stored call tells of.

        :raise ValidationRejected: with the code ``file_changed``: nothing was sent.
        """
        if call.operation != 'attachment.create':
            return super()._call(connection, call)
        content = call.exchange_ids.file_id._content()
        if content is None:
            raise errors.ValidationRejected('The file was changed or removed.', code='file_changed')
        prepared = dto.PreparedCall(
            operation=call.operation,
            body=call.body,
            members=tuple(call.members),
            target=call.target,
            content=content,
        )
        return connection._talk(lambda provider: provider.send(prepared, call.key))

    # === STEP 3: RECORD === #

    def _note_arrived(self, connection):
        result = super()._note_arrived(connection)
        arrived = self.filtered(lambda exchange: exchange.move_id and exchange.state == 'done').move_id
        if arrived:
            self.env['fieldpromax.attachment']._queue_of(connection, arrived)
        return result

    def _wanted(self, call):
        wanted = super()._wanted(call)
        if self.kind != 'attachment':
            return wanted
        return replace(wanted, documents=(call.target,), document_kind=self.expected['document_kind'])

    def _record_success(self, connection, remote):
        if self.kind != 'attachment':
            return super()._record_success(connection, remote)
        self.ensure_one()
        row = self.file_id
        row.external_id = remote.external_id
        if remote.size == row.file_size:
            self._finish(self.env._('Attached in %s.', connection._provider_label()))
            return None
        self._block(
            self._file_hold(
                connection,
                'difference',
                self.env._(
                    'It has %(ours)s bytes here, and %(theirs)s arrived.',
                    ours=row.file_size,
                    theirs=remote.size,
                ),
                self.env._('Look at it in %s, and attach it there by hand.', connection._provider_label()),
            )
        )
        return None

    def _record_look_up(self, connection, found):
        """A file is told by its name and size; those that are known already are other ones."""
        if self[:1].kind == 'attachment':
            row = self[:1].file_id
            known = row._known_there(connection)
            found = [one for one in found if one.size == row.file_size and one.external_id not in known]
        return super()._record_look_up(connection, found)

    def _record_refusal(self, connection, error):
        if self.kind != 'attachment':
            return super()._record_refusal(connection, error)
        if error.code == 'file_changed':
            if self.call_id.attempts > 1:
                # What was sent before may have arrived all the same.
                self._mark_uncertain(self.env._('The file was changed in Odoo while it was on its way.'))
            else:
                self._cancel(self.env._('The file was changed in Odoo: the new one goes instead.'))
                self.env['fieldpromax.attachment']._queue_of(connection, self.file_id.move_id)
            return None
        provider = connection._provider_label()
        words = ' '.join(error.details) or error.message
        remedy = (
            self.env._(
                'Connect to %s again in the settings as a person who may work with files, and leave all permissions '
                'ticked; then try again.',
                provider,
            )
            if error.code == 'files_not_permitted'
            else self.env._('Attach it in %s by hand, or take it off the invoice.', provider)
        )
        self._block(
            self._file_hold(
                connection,
                'refused',
                self.env._('%(provider)s: "%(words)s"', provider=provider, words=words),
                remedy,
                can_retry=True,
            )
        )
        return None
