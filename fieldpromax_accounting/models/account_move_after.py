from odoo import api, models
from odoo.exceptions import AccessError, RedirectWarning, UserError
from odoo.fields import Domain
from odoo.tools import format_datetime

from ..comparison import VOID_STATUSES
from ..holds import Hold
from .fieldpromax_link import DOCUMENT_KINDS


class AccountMove(models.Model):
    """A document after it was sent: its seal, and what resetting, cancelling and deleting it means for the books."""

    # Apart from how it gets there.
    _inherit = 'account.move'  # pylint: disable=consider-merging-classes-inherited

    # === WHAT IT SAYS ABOUT ITSELF === #

    def _fieldpromax_describe_sent(self, connection, link, shared):
        """State of a posted document that stands in the books, with nothing on its way."""
        provider = shared['provider_label']
        if link.is_differing:
            issue = link._drift_issue()
            self._fieldpromax_set_state(
                'attention',
                reason=issue.reason or self.env._('It was changed in %s after both sides agreed.', provider),
                headline=self.env._('%s: Needs attention', provider),
                issue_id=issue.id,
                **shared,
            )
            return
        number = link.external_number or self.name
        total = self.currency_id.format(link.external_total)
        if link.verified_at:
            headline = self.env._(
                '%(provider)s: Verified %(time)s · %(number)s · %(total)s',
                provider=provider,
                time=format_datetime(self.env, link.verified_at, dt_format='short'),
                number=number,
                total=total,
            )
        else:
            headline = self.env._(
                '%(provider)s: Sent · %(number)s · %(total)s', provider=provider, number=number, total=total
            )
        badge = 'verified' if link.verified_at else 'sent'
        self._fieldpromax_set_state('sent', headline=headline, badge=badge, **shared)

    def _fieldpromax_state_domain(self, state):
        domain = super()._fieldpromax_state_domain(state)
        if state not in ('sent', 'attention'):
            return domain
        differing = Domain('id', 'in', self._fieldpromax_subquery('link', (True,), 'is_differing'))
        if state == 'sent':
            return domain & ~differing
        live = self._fieldpromax_subquery('exchange', list(self._fieldpromax_states))
        sale = Domain('move_type', 'in', self.get_sale_types(include_receipts=True))
        return domain | (sale & Domain('state', '=', 'posted') & differing & Domain('id', 'not in', live))

    def _fieldpromax_kind_of(self):
        """The kind of exchanges and links that this document has."""
        self.ensure_one()
        return DOCUMENT_KINDS.get(self.move_type, self._fieldpromax_kind)

    def action_fieldpromax_open_seal(self):
        """Show what of this document was compared with the books, and what each side says."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_user'):
            raise AccessError(
                self.env._('Only people who work with invoices can see what stands in the books.')
            )
        self.ensure_one()
        self.check_access('read')
        connection = self.env['fieldpromax.connection']._active_for(self.company_id)
        link = (
            self.env['fieldpromax.link']
            .sudo()
            .search([('connection_id', '=', connection.id), ('move_id', '=', self.id)], limit=1)
        )
        if not link:
            raise UserError(self.env._('It is not in the books any more. Reload the page.'))
        seal = self.env['fieldpromax.seal']._show(self.sudo(), link)
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('What was compared with %s', connection._provider_label()),
            'res_model': seal._name,
            'res_id': seal.id,
            'view_mode': 'form',
            'target': 'new',
        }

    # === RESETTING === #

    def button_draft(self):
        locked = self._fieldpromax_locked()
        result = super().button_draft()
        for move, link, reason in locked:
            move._fieldpromax_note_override(link, reason)
        return result

    def _fieldpromax_locked(self):
        """``[(move, link, why)]`` of the documents that the books would not let anybody change, by what they last told.

        :raise UserError: there are some, and nobody who may overrode that. The books are never asked for it.
        """
        posted = self.filtered(lambda move: move.state == 'posted' and move.is_sale_document())
        if not posted:
            return []
        links = (
            self.env['fieldpromax.link']
            .sudo()
            .search(
                [
                    ('move_id', 'in', posted.ids),
                    ('connection_id.state', '!=', 'disconnected'),
                    ('external_status', 'not in', VOID_STATUSES),
                ]
            )
        )
        locked = [
            (link.move_id.with_env(self.env), link, why)
            for link in links
            if (why := link._why_locked(but_own=True))
        ]
        if not locked or self.env.context.get('fieldpromax_override'):
            return locked
        move, link, why = locked[0]
        message = self.env._(
            '"%(name)s" cannot be changed: %(why)s Take that back in %(provider)s first, and use "Sync now"; or post a '
            'credit note.',
            name=move.display_name,
            why=why,
            provider=link.connection_id._provider_label(),
        )
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_manager'):
            raise UserError(message)
        raise RedirectWarning(
            message,
            self.env.ref('fieldpromax_accounting.account_move_action_reset_all_the_same').id,
            self.env._('Reset to draft all the same'),
            {'active_model': 'account.move', 'active_ids': self.ids, 'active_id': self.ids[0]},
        )

    def action_fieldpromax_reset_all_the_same(self):
        """Reset to draft although the books do not take a change; an issue stays open until both agree again."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_manager'):
            raise AccessError(
                self.env._(
                    'Only people who manage the connection can reset what is paid or closed in the books.'
                )
            )
        self.with_context(fieldpromax_override=True).button_draft()
        return {'type': 'ir.actions.client', 'tag': 'soft_reload'}

    def _fieldpromax_note_override(self, link, why):
        provider = link.connection_id._provider_label()
        self.env['fieldpromax.issue'].sudo()._raise_for(
            link.connection_id,
            Hold(
                'draft_override',
                f'override:{self.id}',
                self.env._(
                    '"%(name)s" was reset to draft although it cannot be changed in %(provider)s',
                    name=link.record_name or self.name,
                    provider=provider,
                ),
                self.env._('%(why)s %(user)s reset it all the same.', why=why, user=self.env.user.name),
                self.env._(
                    'Post it again as it was, or take back in %s what stands in the way, so that the change can go '
                    'over. This closes by itself once both sides agree.',
                    provider,
                ),
                move_id=self.id,
                link_id=link.id,
            ),
        )

    # === CANCELLING AND DELETING === #

    def write(self, vals):
        result = super().write(vals)
        if vals.get('state') == 'cancel':
            self._fieldpromax_queue_if('cancelled')
        return result

    def _fieldpromax_queue(self, event):
        if event != 'cancelled':
            return super()._fieldpromax_queue(event)
        exchanges = self.env['fieldpromax.exchange'].sudo()
        for company, moves in self.grouped('company_id').items():
            connection = self.env['fieldpromax.connection']._active_for(company)
            if not connection:
                continue
            links = self.env['fieldpromax.link'].search(
                [('connection_id', '=', connection.id), ('move_id', 'in', moves.ids)]
            )
            standing = links.filtered(lambda link: link.external_status not in VOID_STATUSES)
            # What is on its way just now stands in the books in a moment.
            under_way = exchanges.search(
                [
                    ('connection_id', '=', connection.id),
                    ('move_id', 'in', (moves - links.move_id).ids),
                    ('state', 'in', ('sending', 'uncertain')),
                ]
            )
            for rows in (standing, under_way):
                for kind, some in rows.grouped('kind').items():
                    exchanges._enqueue(connection, kind, some.move_id, void=True)
            if standing or under_way:
                connection._trigger_push()
        return None

    def unlink(self):
        links = self._fieldpromax_links_left()
        result = super().unlink()
        if links:
            self.env['fieldpromax.exchange'].sudo()._queue_safely(
                self, lambda: self._fieldpromax_queue_orphans(links)
            )
        return result

    def _fieldpromax_links_left(self):
        """The links of these documents to what still counts in the books."""
        return (
            self.env['fieldpromax.link']
            .sudo()
            .search(
                [
                    ('move_id', 'in', self.ids),
                    ('connection_id.state', '!=', 'disconnected'),
                    ('external_status', 'not in', VOID_STATUSES),
                ]
            )
        )

    @api.model
    def _fieldpromax_queue_orphans(self, links):
        links.invalidate_recordset(['move_id'], flush=False)
        for connection, some in links.grouped('connection_id').items():
            for kind, of_kind in some.grouped('kind').items():
                self.env['fieldpromax.exchange'].sudo()._enqueue_orphans(connection, kind, of_kind)
            connection._trigger_push()
