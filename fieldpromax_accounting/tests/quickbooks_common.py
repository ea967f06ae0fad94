"""What the tests with QuickBooks Online share: its simulator over HTTP, and a consent that goes through its pages."""

import os
import re
import subprocess
import sys
import unittest
from urllib.parse import parse_qsl, urlsplit

import requests

from .common import CLIENT_ID, CLIENT_SECRET, PASSWORD, PERSON, REPOSITORY, Simulator, _read_form


class QuickBooksSimulator(Simulator):
    """The QuickBooks simulator over HTTP; a process of its own."""

    module = 'simulators.quickbooks'
    variable = 'FIELDPROMAX_QUICKBOOKS_SIMULATOR'

    @classmethod
    def start(cls, test_class):
        """:raise unittest.SkipTest: the simulators do not lie beside the addon."""
        if url := os.environ.get(cls.variable):
            return cls(url)
        if not (REPOSITORY / 'simulators' / 'quickbooks' / '__main__.py').is_file():
            raise unittest.SkipTest('The QuickBooks simulator does not lie beside the addon.')
        process = subprocess.Popen(
            [sys.executable, '-m', cls.module, '--port', '0'],
            cwd=REPOSITORY,
            stdout=subprocess.PIPE,
            text=True,
        )
        test_class.addClassCleanup(cls._stop, process)
        for line in process.stdout:
            if found := re.search(r'http://[\w.\[\]:]+:\d+', line):
                return cls(found[0])
        raise RuntimeError(f'The QuickBooks simulator ended with status {process.wait()} before it listened.')


def answer_intuit(authorization_url, company, person=PERSON, password=PASSWORD, cancel=False):
    """Log in at Intuit, choose a company and consent, as a person does in the browser.

    :param company: part of the label of the company to choose.
    :return: the address that the provider sends the person back to, as ``(path, {parameter: value})``.
    """
    session = requests.Session()
    page = session.get(authorization_url, timeout=30)
    if 'name="password"' in page.text:
        form = _read_form(page, 'password')
        form['values'] |= {'username': person, 'password': password}
        page = session.post(form['action'], data=form['values'], timeout=30)
    form = _read_form(page, 'company')
    chosen = [value for value, label in form['choices'] if company.lower() in label.lower()]
    if not chosen:
        raise AssertionError(f'{company} is not among {form["choices"]}.')
    data = form['values'] | {'company': chosen[0], 'action': 'cancel' if cancel else 'allow'}
    back = session.post(form['action'], data=data, allow_redirects=False, timeout=30)
    if back.status_code not in (302, 303):
        raise AssertionError(f'The consent was not accepted: {back.status_code} {back.text[:500]}')
    parts = urlsplit(back.headers['Location'])
    return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


class QuickBooksBooks:
    """Mix in before a class of ``common``: ``self.quickbooks`` is the simulator."""

    #: companies of the simulator by tag
    companies = {
        'US': 'Lakeside Field Services',
        'US2': 'Prairie Repair',
        'GB': 'Thames Heating',
        'AU': 'Riverside Plumbing',
    }

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.quickbooks = QuickBooksSimulator.start(cls)
        parameters = cls.env['ir.config_parameter'].sudo()
        parameters.set_param('fieldpromax_accounting.quickbooks_base_url', cls.quickbooks.url)
        cls.env['fieldpromax.app'].sudo()._set_credentials('quickbooks', CLIENT_ID, CLIENT_SECRET)

    def setUp(self):
        # Before classes further up connect.
        self.quickbooks.reset()
        super().setUp()

    def connect_quickbooks(self, company='US', user=None, odoo_company=None, person=PERSON):
        """Connect through the pages of Intuit. :return: the connection, with all rights."""
        url = self.start_consent(user, odoo_company, provider='quickbooks')
        _path, params = answer_intuit(url, self.companies.get(company, company), person=person)
        authorization = self.receive_consent(params, user, odoo_company, provider='quickbooks')
        if not authorization.connection_id:
            raise AssertionError(f'Not connected: {authorization.state} {authorization.reason}')
        return authorization.connection_id

    def change_books(self, company='US', **body):
        """Change the books as a person does in the pages of QuickBooks."""
        return self.quickbooks.control('POST', f'/_sim/companies/{company}', body)
