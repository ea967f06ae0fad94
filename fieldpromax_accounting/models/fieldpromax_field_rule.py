from odoo import api, fields, models
from odoo.exceptions import ValidationError

from ..three_way import BOTH, FIELDS, NONE, PULL, PUSH

DIRECTIONS = [
    (BOTH, 'Both ways'),
    (PUSH, 'Odoo to the books'),
    (PULL, 'The books to Odoo'),
    (NONE, 'Not kept in step'),
]
FIELD_LABELS = [
    ('name', 'Name'),
    ('email', 'E-mail'),
    ('phone', 'Phone'),
    ('address', 'Address'),
    ('delivery_address', 'Delivery address'),
    ('persons', 'Contact persons'),
    ('tax_number', 'Tax number'),
    ('website', 'Website'),
    ('code', 'Code (internal reference)'),
    ('description', 'Sales description'),
    ('price', 'Sales price'),
    ('active', 'Archived or not'),
]
# What is archived on one side stays in use on the other, unless an administrator says otherwise.
DEFAULTS = {'active': NONE}


def narrowed(wanted, possible):
    """The direction that is both wanted and possible."""
    if wanted == possible or possible == BOTH:
        return wanted
    return possible if wanted == BOTH else NONE


class FieldpromaxFieldRule(models.Model):
    """Which way changes of one field of customers or products travel, for one connection."""

    _name = 'fieldpromax.field.rule'
    _description = 'Field kept in step with the books'
    _rec_name = 'field'
    _order = 'connection_id, kind, sequence, id'

    connection_id = fields.Many2one(
        'fieldpromax.connection', required=True, index=True, ondelete='cascade', readonly=True
    )
    company_id = fields.Many2one(related='connection_id.company_id', store=True, index=True)
    kind = fields.Selection(
        [('contact', 'Customer'), ('item', 'Product')], 'Of', required=True, readonly=True
    )
    field = fields.Selection(FIELD_LABELS, required=True, readonly=True)
    sequence = fields.Integer(readonly=True)
    direction = fields.Selection(DIRECTIONS, 'Changes travel', required=True)
    note = fields.Char(compute='_compute_note')

    _field_unique = models.Constraint(
        'unique(connection_id, kind, field)', 'Each field has one direction for each connection.'
    )

    # === COMPUTE METHODS === #

    @api.depends('connection_id.provider', 'kind', 'field')
    def _compute_note(self):
        """What the connected software lets through, and what a person should know."""
        for rule in self:
            provider = rule.connection_id._provider_label()
            possible = rule._possible()
            notes = {
                ('item', 'price'): self.env._(
                    'Only in the currency of the books, before tax, and towards Odoo only for products with one '
                    'variant. Price lists are not touched.'
                ),
                ('contact', 'address'): self.env._(
                    'As one. It is the address of the contact of type Invoice, where the customer has one.'
                ),
                ('contact', 'delivery_address'): self.env._(
                    'The address of the contact of type Delivery, where the customer has one.'
                ),
                ('contact', 'persons'): self.env._(
                    'The contacts below the customer, five at most. Persons that the books alone have stay there.'
                ),
                ('contact', 'active'): self.env._(
                    'Archiving on one side archives on the other, where you choose a direction.'
                ),
            }
            if possible == PULL:
                note = self.env._('%s does not let other programs change it.', provider)
            else:
                note = notes.get((rule.kind, rule.field), '')
            rule.note = note

    # === CRUD === #

    @api.constrains('direction')
    def _check_direction(self):
        for rule in self:
            if narrowed(rule.direction, rule._possible()) != rule.direction:
                labels = dict(self._fields['direction']._description_selection(self.env))
                raise ValidationError(
                    self.env._(
                        'With %(provider)s this field can only go this way: %(direction)s. Choose that, or do not '
                        'keep it in step.',
                        provider=rule.connection_id._provider_label(),
                        direction=labels[rule._possible()],
                    )
                )

    def write(self, vals):
        """A direction that was closed may have kept changes back: what is linked is compared again."""
        result = super().write(vals)
        if 'direction' in vals:
            for connection, rules in self.grouped('connection_id').items():
                for kind in set(rules.mapped('kind')):
                    self.env['fieldpromax.link'].sudo()._compare_all(connection.sudo(), kind)
        return result

    # === BUSINESS METHODS === #

    def _possible(self):
        self.ensure_one()
        return self.connection_id._capabilities().synced_fields.get(self.kind, {}).get(self.field, NONE)

    @api.model
    def _ensure(self, connection):
        """The rules of a connection, made where they are missing."""
        rules = self.sudo().search([('connection_id', '=', connection.id)])
        present = {(rule.kind, rule.field) for rule in rules}
        synced = connection._capabilities().synced_fields
        return rules | self.sudo().create(
            [
                {
                    'connection_id': connection.id,
                    'kind': kind,
                    'field': field,
                    'sequence': place,
                    'direction': narrowed(DEFAULTS.get(field, BOTH), synced[kind][field]),
                }
                for kind, names in FIELDS.items()
                for place, field in enumerate(names)
                if field in synced.get(kind, {}) and (kind, field) not in present
            ]
        )

    @api.model
    def _directions(self, connection, kind):
        """``{field: direction}`` of what the provider carries; the defaults where nobody opened the page yet."""
        chosen = {
            rule.field: rule.direction
            for rule in self.sudo().search([('connection_id', '=', connection.id), ('kind', '=', kind)])
        }
        return {
            field: narrowed(chosen.get(field, DEFAULTS.get(field, BOTH)), possible)
            for field, possible in connection._capabilities().synced_fields.get(kind, {}).items()
        }
