from odoo import api, fields, models
from odoo.exceptions import AccessError, UserError
from odoo.tools.misc import formatLang

from .. import three_way
from .fieldpromax_field_rule import FIELD_LABELS
from .fieldpromax_link import MergeContext


class FieldpromaxConflict(models.Model):
    """One field of one record that was changed on both sides, each in its own way, or that Odoo does not take as the
    books have it. Nothing of it travels until a person chooses, or both sides are equal again."""

    _name = 'fieldpromax.conflict'
    _description = 'Conflict with the books'
    _rec_name = 'record_name'
    _order = 'state desc, record_name, id desc'
    _check_company_auto = True
    _check_company_domain = models.check_company_domain_parent_of

    link_id = fields.Many2one(
        'fieldpromax.link', required=True, index=True, ondelete='cascade', readonly=True
    )
    connection_id = fields.Many2one(related='link_id.connection_id', store=True, index=True)
    company_id = fields.Many2one(related='link_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [('contact', 'Customer'), ('item', 'Product')], 'What', required=True, readonly=True
    )
    partner_id = fields.Many2one(related='link_id.partner_id')
    product_id = fields.Many2one(related='link_id.product_id')
    record_name = fields.Char('Record', readonly=True, help='Kept when the record is deleted.')
    field = fields.Selection(FIELD_LABELS, required=True, readonly=True)
    ours_text = fields.Char('In Odoo', readonly=True)
    theirs_text = fields.Char('In the books', readonly=True)
    agreed_text = fields.Char('Last agreed', readonly=True)
    reason = fields.Char('Why', readonly=True)
    provider_label = fields.Char(related='connection_id.provider_label')
    state = fields.Selection(
        [
            ('open', 'To decide'),
            ('ours', "Odoo's kept"),
            ('theirs', "The books' kept"),
            ('cured', 'Both agree again'),
        ],
        required=True,
        default='open',
        readonly=True,
    )
    decided_by_id = fields.Many2one('res.users', 'Decided by', readonly=True, ondelete='set null')
    decided_at = fields.Datetime('Decided on', readonly=True)

    _open_unique = models.UniqueIndex("(link_id, field) WHERE state = 'open'")

    # === CRUD METHODS === #

    def write(self, vals):
        if not self.env.su:
            raise AccessError(self.env._("Decide with the buttons Keep Odoo's and Keep the books'."))
        return super().write(vals)

    # === NOTING === #

    @api.model
    def _note(self, connection, kind, noted):
        """Make the open conflicts of these links what ``noted`` says.

        :param noted: ``{link: {field: why Odoo does not take it, or ''}}``; what is not named there is settled.
        """
        links = self.env['fieldpromax.link'].union(*noted)
        present = {
            (conflict.link_id, conflict.field): conflict
            for conflict in self.search([('link_id', 'in', links.ids), ('state', '=', 'open')])
        }
        wanted = {(link, field): reason for link, found in noted.items() for field, reason in found.items()}
        settled = self.union(*(conflict for key, conflict in present.items() if key not in wanted))
        if settled:
            settled.write({'state': 'cured', 'decided_at': fields.Datetime.now()})
        if not wanted:
            return
        context = MergeContext(connection, kind)
        rows = []
        for (link, field), reason in wanted.items():
            values = self._texts(link, field, context) | {
                'record_name': link._record_of()._fieldpromax_name(),
                'reason': reason or self.env._('Changed on both sides since they last agreed.'),
            }
            if conflict := present.get((link, field)):
                if any(conflict[name] != value for name, value in values.items()):
                    conflict.write(values)
            else:
                rows.append({'link_id': link.id, 'kind': kind, 'field': field, **values})
        self.create(rows)

    @api.model
    def _texts(self, link, field, context):
        """Both values and the last agreed one, as people read them."""
        ours, theirs = link._local_values(context).get(field), link.external_values.get(field)
        baseline = link.baseline or {}
        agreed = [
            (baseline.get(side) or {}).get(field)
            for side in ('ours', 'theirs')
            if field in (baseline.get(side) or {})
        ]
        texts = [self._text(field, value) for value in agreed]
        if len(agreed) == 2 and context.key(field, agreed[0]) == context.key(field, agreed[1]):
            texts = texts[:1]
        return {
            'ours_text': self._text(field, ours),
            'theirs_text': self._text(field, theirs),
            'agreed_text': ' / '.join(texts) or self.env._('nothing yet'),
        }

    @api.model
    def _text(self, field, value):
        nothing = self.env._('nothing')
        if field == 'active':
            return self.env._('Archived') if value is False else self.env._('In use')
        if field == 'price':
            return formatLang(self.env, float(value), digits=2) if value not in (None, '') else nothing
        if field == 'persons':
            people = [
                f'{person["name"]} <{person["email"]}>' if person.get('email') else person.get('name') or ''
                for person in value or ()
            ]
            return ', '.join(people) or nothing
        if isinstance(value, dict):
            return ', '.join(filter(None, (value.get(part) for part in three_way.ADDRESS_PARTS))) or nothing
        return ' '.join(str(value or '').split()) or nothing

    # === ACTIONS === #

    def action_keep_ours(self):
        """Ask, with the number, whether Odoo's values go over the books'."""
        return self._ask('ours')

    def action_keep_theirs(self):
        """Ask, with the number, whether the books' values go over Odoo's."""
        return self._ask('theirs')

    def _ask(self, keep):
        conflicts = self._to_decide()
        shown = conflicts.sudo()._renew()
        return {
            'type': 'ir.actions.act_window',
            'name': self.env._("Keep Odoo's values")
            if keep == 'ours'
            else self.env._('Keep the values of the books'),
            'res_model': 'fieldpromax.conflict.resolve',
            'view_mode': 'form',
            'target': 'new',
            'context': {
                'default_conflict_ids': conflicts.ids,
                'default_keep': keep,
                'default_shown': shown,
            },
        }

    def action_open_record(self):
        """Open the customer or product that this is about."""
        self.ensure_one()
        self.check_access('read')
        record = self.partner_id or self.product_id
        if not record:
            raise UserError(self.env._('"%(name)s" was deleted in Odoo.', name=self.record_name or ''))
        return {
            'type': 'ir.actions.act_window',
            'res_model': record._name,
            'res_id': record.id,
            'view_mode': 'form',
        }

    def _to_decide(self):
        """The open ones of the selection, once the person may decide."""
        if not self.env.user.has_group('fieldpromax_accounting.fieldpromax_accounting_group_bookkeeper'):
            raise AccessError(self.env._('Only a bookkeeper can decide about conflicts.'))
        self.check_access('write')
        conflicts = self.filtered(lambda conflict: conflict.state == 'open')
        if not conflicts:
            raise UserError(
                self.env._('This is decided already, or both sides agree again. Reload the list.')
            )
        return conflicts

    def _current_texts(self):
        """``{conflict id: texts}`` as :meth:`_texts`, as both sides are now; without those whose record is gone."""
        texts = {}
        for (connection, kind), group in self.grouped(lambda one: (one.connection_id, one.kind)).items():
            driver = connection._as_driver()
            context = MergeContext(driver, kind)
            # In the driver's language: these are compared with what the driver noted.
            for conflict in driver.env[self._name].browse(group.ids):
                if conflict.link_id._record_of() and conflict.link_id.external_values:
                    texts[conflict.id] = conflict._texts(conflict.link_id, conflict.field, context)
        return texts

    def _renew(self):
        """Have the rows tell what both sides have now. :return: ``{conflict id as text: [Odoo's, the books']}``."""
        texts = self._current_texts()
        for conflict in self:
            values = texts.get(conflict.id, {})
            if any(conflict[name] != value for name, value in values.items()):
                conflict.write(values)
        return {str(conflict.id): [conflict.ours_text, conflict.theirs_text] for conflict in self}

    def _check_unchanged(self, shown):
        """:raise UserError: a value is not the one that the person decided about."""
        texts = self._current_texts()
        changed = self.browse()
        for conflict in self:
            now = texts.get(conflict.id) or {}
            seen = shown.get(str(conflict.id)) if shown else [conflict.ours_text, conflict.theirs_text]
            if [now.get('ours_text'), now.get('theirs_text')] != seen:
                changed |= conflict
        if len(changed) == 1:
            raise UserError(
                self.env._(
                    'A value of "%(name)s" was changed after it was shown to you, so nothing was decided. Reload the '
                    'list, look at both values and decide again.',
                    name=changed.record_name or '',
                )
            )
        if changed:
            raise UserError(
                self.env._(
                    '%(count)s of these values were changed after they were shown to you, so nothing was decided. '
                    'Reload the list, look at them and decide again.',
                    count=len(changed),
                )
            )

    def _resolve(self, keep, shown=None):
        """Let one side's values win: ``ours`` are sent with the next push, ``theirs`` are written here at once.

        :param shown: what the person saw, as :meth:`_renew` returns it; None: what the rows tell.
        :raise UserError: a value was changed since it was shown, or Odoo takes none of them.
        """
        conflicts = self._to_decide().sudo()
        conflicts._check_unchanged(shown)
        stamp = {'decided_by_id': self.env.user.id, 'decided_at': fields.Datetime.now()}
        conflicts.write({'state': keep, **stamp})
        for (connection, kind), group in conflicts.grouped(lambda one: (one.connection_id, one.kind)).items():
            driver = connection._as_driver()
            context = MergeContext(driver, kind)
            links = driver.env['fieldpromax.link'].browse(group.link_id.ids)
            for conflict in group:
                link = links.browse(conflict.link_id.id)
                link._settle_conflict(context, conflict.field, keep)
            links._merge_safely(driver, kind)
            connection._trigger_push()
        again = self.sudo().search([('link_id', 'in', conflicts.link_id.ids), ('state', '=', 'open')])
        refused = again.filtered(
            lambda one: (one.link_id, one.field) in {(old.link_id, old.field) for old in conflicts}
        )
        if keep == 'theirs' and len(refused) == len(conflicts):
            raise UserError(
                self.env._(
                    '%(reason)s Correct it in %(provider)s, or keep the value of Odoo.',
                    reason=refused[0].reason,
                    provider=refused[0].provider_label,
                )
            )
        return True
