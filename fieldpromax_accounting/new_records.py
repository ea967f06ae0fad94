"""Values of customers and products that are made in Odoo from the books."""

import functools

from odoo.tools.mail import plaintext2html

from .matching import one_line, text_key
from .three_way import address_values

# What people write into an address for countries that Odoo names otherwise.
COUNTRY_ALIASES = {
    'uk': 'GB',
    'england': 'GB',
    'scotland': 'GB',
    'wales': 'GB',
    'northernireland': 'GB',
    'greatbritain': 'GB',
    'usa': 'US',
    'america': 'US',
    'unitedstatesofamerica': 'US',
}


class NewRecords:
    """Values of records that are made from the books, for one connection."""

    def __init__(self, connection):
        self.connection = connection
        self.env = connection.env
        # What comes from the books of one company is never shown to another one (invariant 14). A database
        # with one company keeps to Odoo's habit of leaving the company empty.
        several = self.env['res.company'].sudo().with_context(active_test=False).search_count([], limit=2) > 1
        self.company = connection.company_id if several else self.env['res.company']

    def rounds(self, remotes):
        """The records in the order in which they can be made, each round at once."""
        return [remotes]

    def learn(self, made):
        """A round was made: ``[(record, remote)]``."""


class Places:
    """Countries and states of Odoo by what people write into addresses, as one connection's books mean it."""

    def __init__(self, connection):
        countries, self.states = connection.env['res.country']._fieldpromax_spellings()
        aliases = {alias: countries[text_key(code)] for alias, code in COUNTRY_ALIASES.items()}
        self.countries = {**countries, **aliases}
        self.home = self.countries.get(text_key(connection.organization_country or ''), False)

    def _region(self, text):
        """A state by its name alone: the one of the home country, otherwise whichever Odoo knows."""
        key = text_key(text)
        return self.states.get((self.home, key)) or self._regions.get(key)

    @functools.cached_property
    def _regions(self):
        return {key: state_id for (_country, key), state_id in self.states.items()}

    def find(self, address):
        """``(country id, state id)`` of an address of the books, False where Odoo does not know it. A state of the
        home country goes without its country there."""
        country_id = self.countries.get(text_key(address['country']), False)
        state_id = self.states.get((country_id or self.home, text_key(address['region'])), False)
        if address['country'] and not country_id:
            state_id = False
        elif state_id and not country_id:
            country_id = self.home
        return country_id, state_id

    def canonical(self, part, text):
        """The same for "TX" and "Texas", "USA" and "United States"."""
        found = self.countries.get(text_key(text)) if part == 'country' else self._region(text)
        return str(found) if found else text


class NewContacts(NewRecords):
    def __init__(self, connection):
        super().__init__(connection)
        self.places = Places(connection)
        self.home = self.places.home
        self.language = connection.company_id.partner_id.lang or 'en_US'
        self.parents = {}

    def rounds(self, contacts):
        """Parents before their sub-customers; who closes a loop, which the books should not have, goes last."""
        wanted = {contact.parent_external_id for contact in contacts} - {''}
        if not wanted:
            return [contacts]
        links = (
            self.env['fieldpromax.link']
            .sudo()
            .search(
                [
                    ('connection_id', '=', self.connection.id),
                    ('kind', '=', 'contact'),
                    ('external_id', 'in', list(wanted)),
                    ('partner_id', '!=', False),
                ]
            )
        )
        self.parents = {link.external_id: link.partner_id.id for link in links}
        rounds, waiting = [], contacts
        while waiting:
            to_come = {contact.external_id for contact in waiting}
            ready = [contact for contact in waiting if contact.parent_external_id not in to_come] or waiting
            rounds.append(ready)
            waiting = [contact for contact in waiting if contact not in ready]
        return rounds

    def learn(self, made):
        self.parents |= {contact.external_id: partner.id for partner, contact in made}

    def of(self, contact):
        """Values of a customer; what Odoo cannot take is kept in the notes, so that nothing is lost."""
        notes = []
        country_id, state_id = self.places.find(address_values(contact.address))
        if contact.address.country and not country_id:
            notes.append(self.env._('Country in the books: %s', contact.address.country))
        if contact.address.region and not state_id:
            notes.append(self.env._('State or region in the books: %s', contact.address.region))
        vat = self._tax_number(contact, country_id)
        if contact.tax_number and not vat:
            notes.append(
                self.env._('Tax number in the books, which Odoo does not accept: %s', contact.tax_number)
            )
        person = text_key(contact.first_name + contact.last_name)
        is_customer = contact.is_customer or not contact.is_supplier
        return {
            'name': one_line(contact.name),
            'email': contact.email.strip() or False,
            'phone': contact.phone.strip() or False,
            'website': contact.website.strip() or False,
            'street': contact.address.street or False,
            'street2': contact.address.street2 or False,
            'city': contact.address.city or False,
            'zip': contact.address.postal_code or False,
            'state_id': state_id,
            'country_id': country_id,
            'vat': vat or False,
            # A name of its own beside the contact person's is a company's. A sub-customer is invoiced by itself, which
            # in Odoo only a company below its parent can be; as "other" address it keeps its own.
            'is_company': bool(
                contact.tax_number
                or contact.parent_external_id
                or (person and person != text_key(contact.name))
            ),
            'type': 'other' if contact.parent_external_id else 'contact',
            'parent_id': self.parents.get(contact.parent_external_id, False),
            'customer_rank': int(is_customer),
            'supplier_rank': int(contact.is_supplier),
            'company_id': self.company.id,
            'lang': self.language,
            'comment': plaintext2html('\n'.join(notes)) if notes else False,
        }

    def _tax_number(self, contact, country_id):
        """The tax number as Odoo writes it, '' when it does not pass Odoo's check."""
        number = contact.tax_number.strip()
        if not number:
            return ''
        country = self.env['res.country'].browse(country_id or self.home)
        return self.env['res.partner']._run_vat_checks(country, number, validation='setnull')[0] or ''


class NewItems(NewRecords):
    def __init__(self, connection):
        super().__init__(connection)
        currency = (self.company or self.env['res.company']._get_main_company()).currency_id
        self.same_currency = currency == connection.currency_id

    def of(self, item):
        """Values of a product. What the books count is goods; what they do not count is a service: like
        there, nothing is delivered or counted for it, and it can become goods later, which is not possible
        the other way round."""
        values = {
            'name': one_line(item.name) or one_line(item.description)[:100] or item.code or item.external_id,
            'default_code': item.code.strip() or False,
            'description_sale': item.description or False,
            'type': 'consu' if item.is_tracked else 'service',
            'sale_ok': item.is_sold,
            'purchase_ok': item.is_purchased,
            'company_id': self.company.id,
        }
        if self.same_currency:
            values['list_price'] = float(item.sale_price or 0)
        return values
