from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.fields import Domain
from odoo.tools import SQL

from ..renaming import FIELDS, Suggestion, rename
from .fieldpromax_radar import BOOKKEEPER, CAUSES

# What Odoo's own wizard merges at once.
MERGED_AT_ONCE = 3
NAMES_SHOWN = 3


class FieldpromaxRadarFinding(models.Model):
    """One thing that would make trouble: customers or products that are alike, or one that the books would refuse.

    Written by the check of the radar alone; that somebody said "not a problem" is kept until it changes.
    """

    _name = 'fieldpromax.radar.finding'
    _description = 'Finding of the duplicate radar'
    _order = 'kind, cause, name, id'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    radar_id = fields.Many2one('fieldpromax.radar', required=True, ondelete='cascade', readonly=True)
    company_id = fields.Many2one('res.company', required=True, index=True, ondelete='cascade', readonly=True)
    kind = fields.Selection(
        [('contact', 'Customer'), ('item', 'Product')], 'What', required=True, readonly=True
    )
    cause = fields.Selection(CAUSES, 'Trouble', required=True, readonly=True)
    key = fields.Char(required=True, readonly=True, help='What tells this finding from others of its cause.')
    name = fields.Char('In Odoo', readonly=True)
    partner_ids = fields.Many2many(
        'res.partner',
        'fieldpromax_radar_finding_partner_rel',
        'finding_id',
        'partner_id',
        'Customers',
        readonly=True,
    )
    product_ids = fields.Many2many(
        'product.product',
        'fieldpromax_radar_finding_product_rel',
        'finding_id',
        'product_id',
        'Products',
        readonly=True,
    )
    record_count = fields.Integer('Records', readonly=True)
    record_names = fields.Char('Records of Odoo', compute='_compute_record_names')
    same_second = fields.Boolean(readonly=True, help='They have the same e-mail address or code as well.')
    what = fields.Char(
        'Which text', readonly=True, help='Which text of the record it is about: name, code or email.'
    )
    found = fields.Char('Refused', readonly=True, help='The text as it stood there.')
    rule = fields.Char(readonly=True, help='The rule that it breaks, or who has the name.')
    suggestion = fields.Char('Suggested instead', readonly=True)
    fingerprint = fields.Char(readonly=True, required=True)
    check_number = fields.Integer(readonly=True, required=True)
    state = fields.Selection(
        [('open', 'Would make trouble'), ('fine', 'Not a problem')],
        required=True,
        default='open',
        readonly=True,
    )
    decided_by_id = fields.Many2one('res.users', 'Decided by', readonly=True, ondelete='set null')
    decided_at = fields.Datetime('Decided on', readonly=True)
    reason = fields.Char('Why', compute='_compute_reason')
    remedy = fields.Char('What to do', compute='_compute_reason')
    can_merge = fields.Boolean(compute='_compute_reason')

    _finding_unique = models.UniqueIndex('(radar_id, kind, cause, key)')

    # === COMPUTE METHODS === #

    @api.depends('partner_ids.name', 'partner_ids.email', 'product_ids.display_name', 'record_count')
    def _compute_record_names(self):
        """A few of them, with what tells them apart; those that the person may not see are counted only."""
        for finding in self:
            if finding.kind == 'contact':
                names = [
                    ' · '.join(filter(None, (partner.name, partner.email, partner.city)))
                    for partner in finding.partner_ids[:NAMES_SHOWN]
                ]
            else:
                names = finding.product_ids[:NAMES_SHOWN].mapped('display_name')
            more = finding.record_count - len(names)
            if more > 0:
                names.append(self.env._('%s more', more))
            finding.record_names = ', '.join(names)

    @api.depends('cause', 'record_count', 'same_second', 'rule', 'suggestion', 'name', 'radar_id.provider')
    @api.depends_context('lang')
    def _compute_reason(self):
        for finding in self:
            provider = finding.radar_id.sudo().provider_label
            values = {'count': finding.record_count, 'name': finding.name or '', 'provider': provider}
            finding.can_merge = finding.kind == 'contact' and finding.record_count > 1
            finding.reason = finding._reason(values)
            finding.remedy = finding._remedy(values)

    def _reason(self, values):
        self.ensure_one()
        if self.cause in ('refused', 'missing_code'):
            return self.rule
        if self.cause == 'taken':
            if self.rule == 'employee':
                return self.env._(
                    'An employee is called this in %(provider)s, where a name is given once.', **values
                )
            return self.env._(
                'A vendor is called this in %(provider)s, where a name is given once.', **values
            )
        if self.cause == 'same_email':
            return self.env._(
                '%(count)s customers with different names have the e-mail address %(name)s: the sync cannot tell which '
                'of them is meant.',
                **values,
            )
        if self.cause == 'same_code':
            return self.env._(
                '%(count)s products have the internal reference %(name)s: the sync cannot tell which of them is meant.',
                **values,
            )
        if self.kind == 'item':
            if self.same_second:
                return self.env._(
                    '%(count)s products have this name and the same internal reference: most likely they are one.',
                    **values,
                )
            return self.env._(
                '%(count)s products are called this: the sync cannot tell by the name which of them is meant.',
                **values,
            )
        if self.same_second:
            return self.env._(
                '%(count)s customers have this name and the same e-mail address: most likely they are one.',
                **values,
            )
        return self.env._(
            '%(count)s customers are called this. %(provider)s takes each name only once, and the sync cannot tell '
            'which of them is meant.',
            **values,
        )

    def _remedy(self, values):
        self.ensure_one()
        if self.suggestion:
            return self.env._('Accept "%s", or open the record and correct it your own way.', self.suggestion)
        if self.cause == 'missing_code':
            return self.env._('Open the product and enter an internal reference.')
        if self.cause in ('refused', 'taken'):
            return self.env._('Open the record and correct it.')
        if self.kind == 'item':
            if self.cause == 'same_code':
                return self.env._('Open them: give each a reference of its own, or archive those not in use.')
            return self.env._('Open them: give each a name of its own, or archive those not in use.')
        if self.cause == 'same_email':
            return self.env._(
                'Merge them if they are one. If each is a customer of its own, say that it is not a problem.'
            )
        if self.record_count > MERGED_AT_ONCE:
            return self.env._('Merge those that are one, three at a time. Give the others names that differ.')
        return self.env._('Merge them if they are one. Otherwise give one of them another name.')

    # === CRUD METHODS === #

    def write(self, vals):
        if not self.env.su:
            raise AccessError(self.env._('Decide with the buttons Merge, Accept and Not a problem.'))
        return super().write(vals)

    # === ACTIONS === #

    def action_open(self):
        """The record, or the list of exactly these."""
        self.ensure_one()
        records = self._records()
        if not records:
            raise UserError(
                self.env._('These records are gone or belong to another company. Click Check again.')
            )
        action = {
            'type': 'ir.actions.act_window',
            'name': self.name,
            'res_model': records._name,
            'view_mode': 'list,form',
            'domain': [('id', 'in', records.ids)],
        }
        if len(records) == 1:
            action |= {'view_mode': 'form', 'res_id': records.id}
        return action

    def action_merge(self):
        """Odoo's own merge, with exactly these contacts."""
        self.ensure_one()
        self.check_access('read')
        partners = self._records() if self.kind == 'contact' else self.env['res.partner']
        if len(partners) < 2:
            raise UserError(self.env._('There are no two customers to merge here. Click Check again.'))
        action = self.env['ir.actions.act_window']._for_xml_id('base.action_partner_merge')
        return {**action, 'context': {'active_model': 'res.partner', 'active_ids': partners.ids}}

    def action_dismiss(self):
        """Not a problem, until it changes."""
        self._check_person()
        self.sudo().write(
            {'state': 'fine', 'decided_by_id': self.env.uid, 'decided_at': fields.Datetime.now()}
        )
        return True

    def action_reopen(self):
        self._check_person()
        self.sudo().write({'state': 'open', 'decided_by_id': False, 'decided_at': False})
        return True

    def action_confirm_suggestions(self):
        """Ask first, with what would change."""
        self._check_person()
        acceptable = self.filtered_domain(self._acceptable_domain())
        if not acceptable:
            raise UserError(
                self.env._('There is no suggestion to accept here. Open the records and correct them.')
            )
        wizard = self.env['fieldpromax.radar.accept'].create({'finding_ids': acceptable.ids})
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._('Accept suggestions'),
            'res_model': wizard._name,
            'res_id': wizard.id,
            'view_mode': 'form',
            'target': 'new',
        }

    # === BUSINESS METHODS === #

    @api.model
    def _acceptable_domain(self):
        return Domain('suggestion', '!=', False) & Domain('state', '=', 'open')

    def _check_person(self):
        if not self.env.user.has_group(BOOKKEEPER):
            raise AccessError(self.env._('Only a bookkeeper can decide about duplicates.'))
        self.check_access('write')

    def _records(self):
        """What of it is still there and may be seen by the person."""
        self.ensure_one()
        self.check_access('read')
        records = self.partner_ids if self.kind == 'contact' else self.product_ids
        return records.exists()._filtered_access('read')

    def _accept(self):
        """Write the suggestions, with the person's own rights, and look at everything anew.

        :return: how many records were changed.
        :raise AccessError: the person may not change one of them; then none is.
        """
        self._check_person()
        changed = 0
        for finding in self.filtered_domain(self._acceptable_domain()):
            record = finding._records()
            if not record:
                continue
            if not record.has_access('write'):
                raise AccessError(
                    self.env._(
                        'You may not change "%(name)s" in Odoo. Ask somebody who may to accept the suggestions.',
                        name=record.display_name,
                    )
                )
            # What somebody corrected meanwhile stays as it is.
            suggestion = Suggestion(FIELDS[finding.what], finding.found or '', finding.suggestion)
            changed += rename(record, suggestion)
        for radar in self.radar_id:
            radar.sudo()._check()
        return changed

    @api.model
    def _forget_merged(self, source, survivor):
        """Contacts were merged: a group of which one is left is no finding any more."""
        self.env.cr.execute(
            SQL(
                """
                DELETE FROM fieldpromax_radar_finding f
                 USING fieldpromax_radar_finding_partner_rel r
                 WHERE r.finding_id = f.id AND r.partner_id = %(survivor)s AND f.record_count > 1
                   AND (SELECT count(*) FROM fieldpromax_radar_finding_partner_rel o
                         WHERE o.finding_id = f.id AND o.partner_id <> ALL(%(source)s)) < 2
                """,
                survivor=survivor.id,
                source=source.ids,
            )
        )
        self.invalidate_model()
