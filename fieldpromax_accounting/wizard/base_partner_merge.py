from odoo import api, models
from odoo.tools import SQL

from ..models.fieldpromax_exchange import OPEN_PREDICATE


class BasePartnerMergeAutomaticWizard(models.TransientModel):
    _inherit = 'base.partner.merge.automatic.wizard'

    @api.model
    def default_get(self, fields):
        """Whoever opens the merge may say which of the contacts stays; Odoo would take the one that was made first."""
        values = super().default_get(fields)
        wanted = self.env.context.get('default_dst_partner_id')
        if wanted and 'dst_partner_id' in values:
            values['dst_partner_id'] = wanted
        return values

    @api.model
    def _update_foreign_keys(self, src_partners, dst_partner):
        """Make room before Odoo re-points foreign keys: a unique index of ours would abort the whole merge.

        The survivor keeps its own link, or takes over that of the first loser where it has none or where its own
        counterpart is archived or gone. Other losers' links stay as rows without a record, so that what they point at
        in the books is remembered and not created again; an issue says that the books still have them apart.
        """
        partners = dst_partner | src_partners
        self.env['fieldpromax.link'].flush_model()
        self.env['fieldpromax.exchange'].flush_model()
        self.env['fieldpromax.match'].flush_model()
        parameters = {'partners': tuple(partners.ids), 'survivor': dst_partner.id}
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_link SET partner_id = NULL, decision = 'ignore'
                 WHERE id IN (SELECT id FROM (
                       SELECT id, row_number() OVER (PARTITION BY connection_id, role
                                                     ORDER BY external_active IS NOT TRUE,
                                                              partner_id != %(survivor)s, id) AS place
                         FROM fieldpromax_link WHERE partner_id IN %(partners)s) ranked WHERE place > 1)
                RETURNING id
                """,
                **parameters,
            )
        )
        unlinked = [link_id for (link_id,) in self.env.cr.fetchall()]
        # What the loser had agreed on says nothing about the survivor, whose own values would count as edits and go
        # over unasked: the two are compared as if they were just linked.
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_link
                   SET baseline = NULL, sent_hash = NULL, is_unmerged = external_values IS NOT NULL
                 WHERE partner_id IN %(partners)s AND partner_id != %(survivor)s
                RETURNING id
                """,
                **parameters,
            )
        )
        moved = [link_id for (link_id,) in self.env.cr.fetchall()]
        self.env.cr.execute(
            SQL(
                """
                UPDATE fieldpromax_exchange SET state = 'cancelled', reason = %(reason)s, issue_id = NULL
                 WHERE id IN (SELECT id FROM (
                       SELECT id, row_number() OVER (PARTITION BY connection_id, role
                                                     ORDER BY partner_id != %(survivor)s, id) AS place
                         FROM fieldpromax_exchange
                        WHERE partner_id IN %(partners)s AND %(open)s) ranked WHERE place > 1)
                """,
                reason=self.env._('The customer was merged into "%s".', dst_partner.display_name),
                open=SQL(OPEN_PREDICATE),
                **parameters,
            )
        )
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM fieldpromax_match
                 WHERE id IN (SELECT id FROM (
                       SELECT id, row_number() OVER (PARTITION BY connection_id, kind, external_id
                                                     ORDER BY decision = 'pending', partner_id != %(survivor)s, id)
                              AS place
                         FROM fieldpromax_match WHERE partner_id IN %(partners)s) ranked WHERE place > 1)
                """,
                **parameters,
            )
        )
        self.env.invalidate_all()
        result = super()._update_foreign_keys(src_partners, dst_partner)
        self.env.invalidate_all()
        links = self.env['fieldpromax.link'].sudo().browse(unlinked)
        (links | links.browse(moved))._end_conflicts()
        links._report_merged_here(dst_partner.sudo())
        self.env['fieldpromax.radar.finding']._forget_merged(src_partners, dst_partner)
        return result
