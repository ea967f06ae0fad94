"""What the books call things is shown as it is called, and never becomes markup, a link or a formula here."""

import csv
import io
import json
from urllib.parse import parse_qs, urlsplit

from odoo import http
from odoo.tests import tagged
from odoo.tools import mute_logger

from .common import ConnectingHttpCommon

MARKUP = '<img src=x onerror=alert(1)><a href="https://evil.example/">Reconnect</a>'
FORMULAS = ('=cmd|calc', '+1+1', '-2+3', '@SUM(1)')


@tagged('post_install', '-at_install')
class TestHostileTexts(ConnectingHttpCommon):
    def arrange_class(self):
        type(self).connection = self.connect('US')

    def test_names_of_the_books(self):
        names = [f'{formula} Ltd' for formula in FORMULAS]  # Xero takes no angle brackets in these
        self.simulator.control(
            'POST',
            '/_sim/organisations/US',
            {'Name': f'Lakeside Field Services {MARKUP}', 'contacts': [{'Name': name} for name in names]},
        )
        self.run_pull(self.connection)
        partners = self.env['res.partner'].search([('name', 'in', names)])
        self.assertEqual(sorted(partners.mapped('name')), sorted(names), 'as they are called')

        # What is formatted: texts of ours with words of the books in them.
        self.assertEqual(self.connect('US'), self.connection)
        self.assertIn('onerror', self.connection.organization_name)
        self.connection._notify_responsible(MARKUP, f'They say: {MARKUP}')
        self.assertIn('onerror', self.connection.activity_ids.note)
        shown = [
            *self.connection.message_ids.mapped('body'),
            *self.connection.activity_ids.mapped('note'),
            *self.env['fieldpromax.match'].search([]).mapped('comparison'),
        ]
        self.assertTrue(
            [one for one in shown if one and 'onerror' in one and 'connected' in one], 'the chatter'
        )
        for one in filter(None, shown):
            self.assertNotIn('<img', one)
            self.assertNotIn('<a href="https://evil', one)

        self.export(partners)

    def export(self, partners):
        """Odoo's own export puts an apostrophe before what a spreadsheet would work out."""
        self.log_in(self.user_manager)
        self.env.ref('base.group_allow_export').user_ids += self.user_manager
        self.env.flush_all()
        answer = self.url_open(
            '/web/export/csv',
            data={
                'csrf_token': http.Request.csrf_token(self),
                'data': json.dumps(
                    {
                        'model': 'res.partner',
                        'fields': [{'name': 'name', 'label': 'Name', 'type': 'char'}],
                        'ids': partners.ids,
                        'domain': [],
                        'groupby': [],
                        'import_compat': False,
                        'context': {'allowed_company_ids': self.company.ids},
                    }
                ),
            },
        )
        self.assertEqual(answer.status_code, 200)
        cells = [row[0] for row in csv.reader(io.StringIO(answer.text))][1:]
        self.assertEqual(len(cells), len(partners))
        self.assertFalse([cell for cell in cells if cell.startswith(('=', '+', '-'))])

    @mute_logger('odoo.http')
    def test_words_of_a_callback(self):
        """What an address carries is quoted on the page that people see, as words."""
        self.log_in(self.user_manager)
        (state,) = parse_qs(urlsplit(self.start_consent()).query)['state']
        params = {'state': state, 'error': 'x', 'error_description': MARKUP}
        self.env.flush_all()
        page = self.url_open('/fieldpromax/oauth/callback/xero', params=params)
        self.assertIn('&lt;img src=x', page.text)
        self.assertNotIn('<img src=x', page.text)
        self.assertNotIn('<a href="https://evil', page.text)
