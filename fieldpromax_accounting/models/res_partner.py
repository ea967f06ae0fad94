from odoo import api, fields, models
from odoo.fields import Domain

from .. import three_way
from ..matching import one_line
from ..providers import dto

# Which field of ours each field of a customer belongs to.
SYNCED_FIELDS = {
    'name': 'name',
    'email': 'email',
    'phone': 'phone',
    'vat': 'tax_number',
    'website': 'website',
    'active': 'active',
    **dict.fromkeys(('street', 'street2', 'city', 'zip', 'state_id', 'country_id'), 'address'),
}
# What makes a contact below a customer part of what the books know of the customer.
CHILD_FIELDS = {*SYNCED_FIELDS, 'type', 'parent_id', 'fieldpromax_do_not_sync'}
ADDRESS_FIELDS = {
    'invoice': 'address',
    'delivery': 'delivery_address',
    'contact': 'persons',
}


class ResPartner(models.Model):
    _inherit = 'res.partner'

    fieldpromax_do_not_sync = fields.Boolean(
        'Keep out of the books',
        copy=False,
        help='This customer and its invoices are never sent to the connected accounting software.',
    )
    fieldpromax_external_id = fields.Char(
        'ID in the books',
        compute='_compute_fieldpromax_external_id',
        search='_search_fieldpromax_external_id',
        compute_sudo=True,
        groups='base.group_user',
    )
    fieldpromax_state = fields.Selection(
        [('linked', 'Linked'), ('review', 'Match review'), ('not_sent', 'Not sent')],
        'Accounting state',
        compute='_compute_fieldpromax_external_id',
        compute_sudo=True,
        groups='base.group_user',
    )

    @api.depends_context('company')
    @api.depends('fieldpromax_do_not_sync')
    def _compute_fieldpromax_external_id(self):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        links = (
            self.env['fieldpromax.link']._of(connection, self.commercial_partner_id, role=None)
            if connection
            else {}
        )
        pending = self.browse()
        if connection:
            pending = (
                self.env['fieldpromax.match']
                .search(
                    [
                        ('connection_id', '=', connection.id),
                        ('partner_id', 'in', self.commercial_partner_id.ids),
                        ('decision', '=', 'pending'),
                    ]
                )
                .partner_id
            )
        for partner in self:
            link = links.get(partner.commercial_partner_id.id)
            partner.fieldpromax_external_id = link.external_id if link else False
            if not connection:
                partner.fieldpromax_state = False
            elif link:
                partner.fieldpromax_state = 'linked'
            elif partner.commercial_partner_id in pending:
                partner.fieldpromax_state = 'review'
            else:
                partner.fieldpromax_state = 'not_sent'

    def _search_fieldpromax_external_id(self, operator, value):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        links = (
            self.env['fieldpromax.link']
            .sudo()
            ._search(
                [
                    ('external_id', operator, value),
                    ('partner_id', '!=', False),
                    ('connection_id', '=', connection.id),
                ]
            )
        )
        return Domain('id', 'in', links.subselect('partner_id'))

    # === CRUD METHODS === #

    @api.model_create_multi
    def create(self, vals_list):
        partners = super().create(vals_list)
        partners._fieldpromax_queue_new()
        partners.filtered('parent_id')._fieldpromax_queue_changes(CHILD_FIELDS)
        return partners

    def write(self, vals):
        watched = CHILD_FIELDS & set(vals)
        # A contact that leaves its customer changes what the books know of that one, too.
        above = self.commercial_partner_id.ids if {'parent_id', 'active'} & watched else []
        result = super().write(vals)
        if watched:
            self._fieldpromax_queue_changes(watched, above)
        return result

    def _fieldpromax_queue_changes(self, names, above=()):
        """Queue the customers that these contacts are, or belong to, where the books know them."""
        links = self.env['fieldpromax.link']
        if self.env.context.get('fieldpromax_no_push'):
            return
        contacts = self.sudo()
        customers = contacts.commercial_partner_id
        fields_of_ours = {SYNCED_FIELDS[name] for name in names if name in SYNCED_FIELDS}
        if contacts - customers or above:
            fields_of_ours |= set(ADDRESS_FIELDS.values())
        if 'fieldpromax_do_not_sync' in names:
            # What changed while it was kept out is compared now.
            links.sudo().search([('partner_id', 'in', contacts.ids)]).is_unmerged = True
            fields_of_ours |= set(three_way.FIELDS['contact'])
        links._queue_changes_safely('contact', {*customers.ids, *contacts.ids, *above}, fields_of_ours)

    def _fieldpromax_queue_new(self):
        """New customers go over at once where the connection says so; otherwise with their first invoice."""
        self.env['fieldpromax.exchange']._queue_safely(self, self._fieldpromax_enqueue_new)

    def _fieldpromax_enqueue_new(self):
        connection = self.env['fieldpromax.connection']._active_for(self.env.company)
        if connection.contact_push != 'created':
            return
        customers = self.sudo().filtered(
            lambda partner: (
                partner.customer_rank > 0
                and partner.commercial_partner_id == partner
                and not partner.with_context(active_test=False).user_ids
                and not partner.ref_company_ids
                and not partner._fieldpromax_why_not(connection)
            )
        )
        if customers:
            self.env['fieldpromax.exchange'].sudo()._enqueue(connection, 'contact', customers)
            connection._trigger_push()

    # === ACTIONS === #

    def action_fieldpromax_open(self):
        """Open the customer where the bookkeeper sees it."""
        self.ensure_one()
        self.check_access('read')
        return self.env['fieldpromax.link']._open_in_books(
            self.env['fieldpromax.connection']._active_for(self.env.company), self.commercial_partner_id
        )

    def action_fieldpromax_matches(self):
        """What this customer may be in the books, and what was decided about it."""
        self.check_access('read')
        return self.env['fieldpromax.match']._review_action(self.commercial_partner_id)

    def action_fieldpromax_take_apart(self):
        self.ensure_one()
        self.check_access('read')
        return self.env['fieldpromax.link']._take_apart_of(self.commercial_partner_id)

    # === WHAT GOES OVER === #

    def _fieldpromax_name(self):
        self.ensure_one()
        return self.name or self.display_name

    def _fieldpromax_name_in(self, currency):
        """The name that the books know this customer by; the one of a second currency names it, because names are
        unique there."""
        self.ensure_one()
        return f'{self.name} ({currency})' if currency else self.name or ''

    def _fieldpromax_ancestors(self):
        """The contact above, the one above that, and so on; the topmost comes last."""
        above = self.browse()
        parent = self.parent_id
        while parent and parent not in above:
            above |= parent
            parent = parent.parent_id
        return above

    def _fieldpromax_company(self, connection):
        """The company that an exchange or link of this contact carries: the connection's."""
        return connection.company_id

    def _fieldpromax_why_not(self, connection):
        """Why this contact is not to be sent, as a sentence; '' when it is."""
        self.ensure_one()
        if self._fieldpromax_is_kept_out():
            return self.env._('The customer "%s" is marked not to be synchronised.', self.name)
        if self.company_id and self.company_id not in connection._served_companies():
            return self.env._('The customer "%s" belongs to another company.', self.name)
        return ''

    def _fieldpromax_prepare(self, connection, _resolver, role=''):
        """This contact as the provider layer takes it.

        :param role: the currency that it is made in beside the first one, where a contact has one for good.
        """
        self.ensure_one()
        values = self._fieldpromax_values(connection, role)
        per_contact = connection._capabilities().currency_per_contact
        currency = role if per_contact else self._fieldpromax_currency()
        first_name, _space, last_name = (
            (self.name or '').rpartition(' ') if not self.is_company else ('', '', '')
        )
        return dto.Contact(
            name=values['name'],
            number=self._fieldpromax_number(connection),
            email=values['email'],
            phone=values['phone'],
            first_name=first_name,
            last_name=last_name,
            website=values['website'],
            tax_number=values['tax_number'],
            currency=currency,
            address=dto.Address(**values['address']),
            delivery_address=dto.Address(**values['delivery_address']),
            persons=tuple(dto.Person(**person) for person in values['persons']),
            is_customer=True,
        )

    # === KEPT IN STEP === #

    def _fieldpromax_is_kept_out(self):
        """Did somebody say that this customer is not synchronised?"""
        self.ensure_one()
        return self.fieldpromax_do_not_sync

    def _fieldpromax_values(self, connection, role=''):
        """``{field: value}`` over :data:`three_way.FIELDS`: what Odoo has of this customer."""
        self.ensure_one()
        children = self.child_ids.filtered(
            lambda child: not child.is_company and not child.fieldpromax_do_not_sync
        ).sorted('id')
        delivery = children.filtered(lambda child: child.type == 'delivery')[:1]
        persons = children.filtered(lambda child: child.type == 'contact' and child.name)
        return {
            'name': self._fieldpromax_name_in(role),
            'email': self.email_normalized or (self.email or '').strip(),
            'phone': self.phone or '',
            'address': self._fieldpromax_bill_to()._fieldpromax_address(),
            'delivery_address': delivery._fieldpromax_address(),
            'persons': [
                {'name': person.name, 'email': person.email_normalized or ''}
                for person in persons[: three_way.MAX_PERSONS]
            ],
            'tax_number': self.vat or '',
            'website': self.website or '',
            'active': self.active,
        }

    def _fieldpromax_untouched(self, values, agreed):
        """``values`` with what comes from contacts that are kept out as both sides last agreed: it is neither sent nor
        taken away.

        :param agreed: ``{field: value}`` of this side at the last agreement.
        """
        self.ensure_one()
        if not self.child_ids:
            return values  # most have none, and imports ask for thousands
        contacts = self.child_ids.filtered(lambda child: not child.is_company)
        kept_out = contacts.filtered('fieldpromax_do_not_sync')
        if not kept_out:
            return values
        values = dict(values)
        if 'delivery' in kept_out.mapped('type') and 'delivery' not in (contacts - kept_out).mapped('type'):
            values['delivery_address'] = agreed.get('delivery_address') or values['delivery_address']
        names = {child.name for child in kept_out} - {person['name'] for person in values['persons']}
        persons = [person for person in agreed.get('persons') or () if person['name'] in names]
        values['persons'] = [*values['persons'], *persons][: three_way.MAX_PERSONS]
        return values

    def _fieldpromax_bill_to(self):
        """Whose address the bill goes to: the contact of type Invoice, or the customer itself."""
        self.ensure_one()
        return (
            self.child_ids.filtered(
                lambda child: (
                    child.type == 'invoice' and not child.is_company and not child.fieldpromax_do_not_sync
                )
            ).sorted('id')[:1]
            or self
        )

    def _fieldpromax_address(self):
        """The address as plain values; empty ones of no contact."""
        if not self:
            return dict.fromkeys(three_way.ADDRESS_PARTS, '')
        return {
            'street': self.street or '',
            'street2': self.street2 or '',
            'city': self.city or '',
            'region': self.state_id.name or '',
            'postal_code': self.zip or '',
            'country': self.country_id.name or '',
        }

    def _fieldpromax_stand_below(self, parent):
        """Put this customer below another one (an empty ``parent``: below none), as the books have it.

        It stays a customer of its own with an address of its own, as one that is made below another. As a contact
        person Odoo would invoice its parent in its place, and copy the parent's address over its own.
        """
        self.ensure_one()
        values = {'parent_id': parent.id}
        if parent:
            values |= {'is_company': True, 'type': 'other'}
        self.with_context(fieldpromax_no_push=True, tracking_disable=True).write(values)

    def _fieldpromax_takes(self, field):
        """May a value of the books be written into this field?"""
        return field not in ('delivery_address', 'persons')

    def _fieldpromax_compares(self, _field, _connection):
        return True

    def _fieldpromax_taken_values(self, context, wanted):
        """What writing the values of the books means here.

        :param wanted: ``{field: value}``
        :return: ``([(record, values)], {field: why it cannot be taken})``
        """
        self.ensure_one()
        values, changes, problems = {}, [], {}
        for field, name in (('email', 'email'), ('phone', 'phone'), ('website', 'website')):
            if field in wanted:
                values[name] = wanted[field] or False
        if 'name' in wanted:
            values['name'] = one_line(wanted['name'])
        if 'active' in wanted:
            values['active'] = wanted['active']
        bill_to = self._fieldpromax_bill_to()
        country_id = bill_to.country_id.id
        if 'address' in wanted:
            address = wanted['address']
            country_id, state_id = context.places.find(address)
            if address['country'] and not country_id:
                problems['address'] = self.env._('Odoo does not know the country "%s".', address['country'])
            elif address['region'] and not state_id:
                problems['address'] = self.env._(
                    'Odoo does not know the state or region "%s".', address['region']
                )
            else:
                located = {
                    'street': address['street'] or False,
                    'street2': address['street2'] or False,
                    'city': address['city'] or False,
                    'zip': address['postal_code'] or False,
                    'state_id': state_id,
                    'country_id': country_id,
                }
                if bill_to == self:
                    values |= located
                else:
                    changes.append((bill_to, located))
        if 'tax_number' in wanted:
            number = wanted['tax_number']
            country = self.env['res.country'].browse(country_id or context.places.home)
            accepted = (
                self._run_vat_checks(country, number, partner_name='', validation='setnull')[0]
                if number
                else ''
            )
            if number and not accepted:
                problems['tax_number'] = self.env._('Odoo does not accept the tax number "%s".', number)
            else:
                values['vat'] = accepted or False
        if values:
            changes.append((self, values))
        return changes, problems

    def _fieldpromax_currency(self):
        """What this customer is usually invoiced in; '' where Odoo does not say."""
        if 'property_product_pricelist' not in self._fields:
            return ''
        return self.property_product_pricelist.currency_id.name or ''

    def _fieldpromax_number(self, connection):
        """Our own key of this contact at the provider: database and partner, so that no other database's is met."""
        database = connection.database_uuid.replace('-', '')[:8]
        restored_at = connection.restored_at
        if restored_at and self.create_date and not connection._predates_restore(self):
            # A restored database gives ids again that its later life had given to others.
            return f'{database}-{restored_at:%y%m%d%H%M}-{self.id}'
        return f'{database}-{self.id}'
