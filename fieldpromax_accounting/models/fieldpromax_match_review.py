from dataclasses import replace

from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools import SQL

from ..match_engine import Reason
from .fieldpromax_link import record_fields

# What a row says about the record of the books, whichever record of Odoo it names.
DECIDED_AFRESH = {
    'decision': 'pending',
    'decided_by_id': False,
    'decided_at': False,
    'settled_by_id': False,
    'is_deferred': False,
    'is_effective': False,
    'asks_person': True,
}


class FieldpromaxMatch(models.Model):
    """Match review: the best candidate of each record of the books, the others below it, and the way back."""

    # A page of its own, beside what decides.
    _inherit = 'fieldpromax.match'  # pylint: disable=consider-merging-classes-inherited

    is_best = fields.Boolean(
        'Best candidate',
        compute='_compute_is_best',
        search='_search_is_best',
        help='Of all that a record of the books may be, the most alike.',
    )
    candidate_ids = fields.Many2many(
        'fieldpromax.match',
        string='Other candidates',
        compute='_compute_candidate_ids',
        help='What else the record of the books may be.',
    )
    candidate_text = fields.Char('Others', compute='_compute_candidate_ids')

    # === COMPUTE METHODS === #

    def _compute_is_best(self):
        best = self.search([('id', 'in', self.ids), ('is_best', '=', True)])
        for match in self:
            match.is_best = match in best

    @api.model
    def _search_is_best(self, operator, value):
        if operator != 'in':
            return NotImplemented
        self.flush_model(['connection_id', 'kind', 'external_id', 'decision', 'is_proposed', 'score'])
        # Where a row without a record of Odoo stands beside others, it says what must not be overlooked.
        query = SQL(
            """(
            SELECT m.id FROM fieldpromax_match m
             WHERE m.decision != 'pending' OR m.is_proposed
                OR NOT EXISTS (
                    SELECT FROM fieldpromax_match o
                     WHERE o.connection_id = m.connection_id AND o.kind = m.kind AND o.external_id = m.external_id
                       AND o.decision = 'pending' AND o.is_proposed IS NOT TRUE
                       AND (COALESCE(NULLIF(o.score, 0), 1000), -o.id)
                           > (COALESCE(NULLIF(m.score, 0), 1000), -m.id)))"""
        )
        return [('id', 'in' if True in value else 'not in', query)]

    @api.depends('connection_id', 'kind', 'external_id', 'decision')
    def _compute_candidate_ids(self):
        rivals = self.search(
            [
                ('connection_id', 'in', self.connection_id.ids),
                ('external_id', 'in', self.mapped('external_id')),
                ('score', '>', 0),
            ],
            order='score desc, id',
        ).grouped(lambda match: (match.connection_id, match.kind, match.external_id))
        for match in self:
            others = rivals.get((match.connection_id, match.kind, match.external_id), self.browse()) - match
            match.candidate_ids = others
            count = len(others.filtered(lambda other: other.decision == 'pending'))
            match.candidate_text = (
                ''
                if not count
                else self.env._('1 more candidate')
                if count == 1
                else self.env._('%s more candidates', count)
            )

    # === ACTIONS === #

    def action_decide_many(self):
        """Ask before deciding about many: what will happen to how many. The context says which decision it is."""
        self._check_bookkeeper()
        self.check_access('read')
        waiting = self.filtered(lambda match: match.decision == 'pending')
        if not waiting:
            raise UserError(
                self.env._('What you selected is decided already. Open a row and choose Decide again.')
            )
        wizard = self.env['fieldpromax.match.decide'].create(
            {'decision': self.env.context['fieldpromax_decision'], 'match_ids': waiting.ids}
        )
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Match review'),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    def action_open(self):
        """The two side by side."""
        self.ensure_one()
        self.check_access('read')
        return {
            'type': 'ir.actions.act_window',
            'res_model': self._name,
            'res_id': self.id,
            'view_mode': 'form',
            'views': [(False, 'form')],
        }

    def action_reopen(self):
        """Take a decision back. Neither record is changed: a link is taken apart, and what was created stays."""
        self._check_bookkeeper()
        self.check_access('write')
        decided = self.sudo().filtered(lambda match: match.decision != 'pending' and match.external_data)
        if not decided:
            raise UserError(self.env._('Nothing of what you selected is decided yet.'))
        made = decided.filtered(lambda match: match.decision == 'create' and match.is_effective)
        links = decided._links_of_decision()
        kept = links.filtered(lambda link: link.external_id in made.mapped('external_id')).mapped(
            'record_name'
        )
        matches = decided
        for match in decided:
            # What was settled along with it.
            along = (
                [('decision', '=', 'ignore')]
                if match.decision == 'ignore'
                else [('decision', '=', 'never'), ('settled_by_id', '=', match.id)]
            )
            matches |= match._same_remote(along) if match.decision != 'never' else match
        links.unlink()
        matches._forget_lonely()
        matches.write(DECIDED_AFRESH)
        return self._notify_reopened(len(decided), kept)

    def _links_of_decision(self):
        """Links that these decisions made: ties to records, and notes that a record of the books is ignored."""
        links = self.env['fieldpromax.link'].sudo()
        for (connection, kind), group in self.grouped(
            lambda match: (match.connection_id, match.kind)
        ).items():
            column = record_fields(self.env)[kind]
            domain = [('connection_id', '=', connection.id), ('kind', '=', kind)]
            effective = group.filtered('is_effective').grouped('external_id')
            ignored = group.filtered(lambda match: match.decision == 'ignore').mapped('external_id')
            links |= links.search([*domain, ('external_id', 'in', list(effective))]).filtered(
                lambda link, effective=effective, column=column: any(
                    match._has_made(link, column) for match in effective[link.external_id]
                )
            )
            links |= links.search(
                [*domain, ('external_id', 'in', ignored), (column, '=', False), ('decision', '=', 'ignore')]
            )
        return links

    def _has_made(self, link, column):
        """Is ``link`` still the one that this decision made? The record of the books may be linked to another record of
        Odoo since."""
        self.ensure_one()
        if self.decision == 'link':
            return link[column] == self[column]
        # What was created is none of the records that were offered.
        offered = self | self._same_remote([('is_effective', '=', True), ('decision', '=', 'link')])
        return link[column] not in offered.mapped(column)

    def _forget_lonely(self):
        """Rows without a record of Odoo were there because nothing else was left to decide; now there is."""
        for match in self.filtered(lambda match: match._record_of()):
            others = match._same_remote([('decision', '=', 'pending'), ('score', '=', 0)])
            others.filtered(lambda other: not other._record_of()).unlink()

    def _notify_reopened(self, count, kept):
        if len(kept) == 1:
            message = self.env._(
                '"%s", which was created in Odoo, stays there. Archive it if nobody needs it.', kept[0]
            )
        elif kept:
            message = self.env._(
                '%s records that were created in Odoo stay there. Archive those that nobody needs.', len(kept)
            )
        elif count == 1:
            message = self.env._('It waits for your decision again. Neither of the two records was changed.')
        else:
            message = self.env._('%s decisions are open again. None of the records was changed.', count)
        return {
            'type': 'ir.actions.client',
            'tag': 'display_notification',
            'params': {
                'type': 'success',
                'title': self.env._('To be decided again'),
                'message': message,
                'next': {'type': 'ir.actions.client', 'tag': 'soft_reload'},
            },
        }

    @api.model
    def _check_bookkeeper(self):
        """:raise AccessError: the person may not decide."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can decide about matches.'))

    # === TAKING A LINK APART === #

    @api.model
    def _remember_apart(self, link):
        """``link`` is about to be taken apart by a person: the two are not the same, and what becomes of the record of
        the books is to be decided. Nothing links or makes them unasked again."""
        column = record_fields(self.env)[link.kind]
        record = link[column]
        # Without a version: should it be made in Odoo, the next pass brings what a link does not keep.
        remote = replace(self._linked_remote(link), version='')
        pair = self.search(
            [
                ('connection_id', '=', link.connection_id.id),
                ('kind', '=', link.kind),
                ('external_id', '=', link.external_id),
                (column, '=', record.id),
            ],
            limit=1,
        )
        if not pair.external_data:
            values = self._proposal_values(link.connection_id, link.kind, record, remote, None, [])
            values |= {'is_proposed': False, 'role': link.role}
            if pair:
                pair.write(values)
            else:
                pair = self.create(values)
        pair.write(
            {
                'decision': 'never',
                'decided_by_id': self.env.user.id,
                'decided_at': fields.Datetime.now(),
                'settled_by_id': False,
                'is_effective': False,
                'is_deferred': False,
            }
        )
        # No decision has a link of its own any more.
        pair._same_remote([('is_effective', '=', True)]).is_effective = False
        lonely = pair._same_remote([('decision', '=', 'pending')])
        if not lonely:
            reasons = self._explained([Reason.of('apart', name=link.record_name or record.display_name)])
            self.create({**pair._row_values(), 'score': 0, **reasons, 'looked_at': fields.Datetime.now()})

    # === SHOWN ON A RECORD === #

    @api.model
    def _review_action(self, records):
        """Match review of these customers, products or projects."""
        column = next(
            name
            for name in record_fields(self.env).values()
            if name in self._fields and self._fields[name].comodel_name == records._name
        )
        action = self.env['ir.actions.act_window']._for_xml_id(
            'fieldpromax_accounting.fieldpromax_match_action'
        )
        return {
            **action,
            'domain': [(column, 'in', records.ids), ('is_deferred', '=', False)],
            'context': {'search_default_group_decision': 1},
        }
