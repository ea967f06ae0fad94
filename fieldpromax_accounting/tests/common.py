"""What the tests share: two companies with a common customer, the people, the simulator and a consent that goes through
its pages."""

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from unittest.mock import patch
from urllib.parse import parse_qsl, urljoin, urlsplit

import requests
from odoo import Command, modules
from odoo.addons.account.tests.common import AccountTestInvoicingCommon
from odoo.addons.uom.tests.common import UomCommon
from odoo.tests import HttpCase, TransactionCase, new_test_user

from ..models import fieldpromax_run
from ..providers import base, transport

# Kept before Odoo's tests put their own in its place.
SEND = requests.Session.send
REPOSITORY = Path(__file__).resolve().parents[2]
CLIENT_ID, CLIENT_SECRET = 'fieldpromax-demo', 'fieldpromax-demo-secret'
PERSON, PASSWORD = 'bookkeeper@example.com', 'demo'
SECOND_PERSON = 'owner@example.com'
# Lost answers are noticed after seconds instead of a minute; an answer takes far less on a busy machine, too.
READ_TIMEOUT = 4.0


class Simulator:
    """The Xero simulator over HTTP; a process of its own, shared by all tests of this process."""

    #: the package that runs it, and the environment variable that names one which runs already
    module = 'simulators.xero'
    variable = 'FIELDPROMAX_XERO_SIMULATOR'

    def __init__(self, url):
        self.url = url.rstrip('/')

    @classmethod
    def start(cls, test_class):
        """The simulator: the one that :attr:`variable` names, otherwise one for this class of tests alone (Odoo ends
        every child process with the class).

        :raise AssertionError: the simulators do not lie beside the addon, where the repository has them.
        """
        if url := os.environ.get(cls.variable):
            return cls(url)
        if not (REPOSITORY / cls.module.replace('.', '/') / '__main__.py').is_file():
            raise AssertionError(
                f'{cls.module} does not lie beside the addon. Run its tests from the repository, or name a simulator '
                f'that runs already in {cls.variable}.'
            )
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
        raise RuntimeError(f'{cls.module} ended with status {process.wait()} before it listened.')

    @staticmethod
    def _stop(process):
        process.terminate()
        process.stdout.close()
        process.wait(10)

    def control(self, method, path, body=None):
        """Call a control endpoint; urllib, because Odoo's tests watch ``requests``."""
        request = urllib.request.Request(
            self.url + path,
            data=None if body is None else json.dumps(body).encode(),
            method=method,
            headers={'Content-Type': 'application/json'},
        )
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return json.loads(answer.read() or b'null')
        except urllib.error.HTTPError as error:
            raise AssertionError(f'{method} {path}: {error.code} {error.read().decode()[:500]}') from error

    def reset(self, **body):
        return self.control('POST', '/_sim/reset', body)

    def bookmark(self, name):
        """``reset(bookmark=name)`` goes back to books, connections and tokens as they are now."""
        return self.control('POST', '/_sim/bookmarks', {'name': name})

    def state(self):
        return self.control('GET', '/_sim/state')

    def requests(self, path='', method=''):
        """What was asked so far, oldest first; optionally those whose path contains ``path``."""
        answer = self.control('GET', '/_sim/requests')
        rows = answer['requests'] if isinstance(answer, dict) else answer
        return [row for row in rows if path in row['path'] and method in ('', row['method'])]

    def forget_requests(self):
        return self.control('DELETE', '/_sim/requests')

    def fault(self, fault, path='', method='', times=1):
        return self.control(
            'POST', '/_sim/faults', {'method': method, 'path': path, 'fault': fault, 'times': times}
        )

    def clear_faults(self):
        return self.control('DELETE', '/_sim/faults')

    def expire_access_tokens(self):
        return self.control('POST', '/_sim/tokens', {'expire': True})

    def revoke_tokens(self):
        return self.control('POST', '/_sim/tokens', {'revoke': True})


def answer_consent(
    authorization_url,
    organizations,
    person=PERSON,
    password=PASSWORD,
    cancel=False,
    field='organisations',
):
    """Log in and consent as a person does in the browser.

    :param organizations: names, or parts of them, of the organizations to tick.
    :param field: of the page, which takes them.
    :return: the address that the provider sends the person back to, as ``(path, {parameter: value})``.
    """
    session = requests.Session()
    page = session.get(authorization_url, timeout=30)
    if 'name="password"' in page.text:
        form = _read_form(page, 'password')
        form['values'] |= {'username': person, 'password': password}
        page = session.post(form['action'], data=form['values'], timeout=30)
    form = _read_form(page, field)
    chosen = [
        value
        for value, label in form['choices']
        if any(name.lower() in label.lower() for name in organizations)
    ]
    if not cancel and len(chosen) < len(organizations):
        raise AssertionError(f'{organizations} are not all among {form["choices"]}.')
    data = [(name, value) for name, value in form['values'].items() if name not in (field, 'action')]
    data += [(field, value) for value in chosen] + [('action', 'cancel' if cancel else 'allow')]
    back = session.post(form['action'], data=data, allow_redirects=False, timeout=30)
    if back.status_code not in (302, 303):
        raise AssertionError(f'The consent was not accepted: {back.status_code} {back.text[:500]}')
    parts = urlsplit(back.headers['Location'])
    return parts.path, dict(parse_qsl(parts.query, keep_blank_values=True))


def _read_form(page, field):
    """The form of a page that holds ``field``: where it goes, its values, and the labelled choices of that field."""
    from lxml import html

    document = html.fromstring(page.text)
    forms = [form for form in document.forms if any(name == field for name in form.fields.keys())]
    if not forms:
        raise AssertionError(
            f'No form with {field} at {urlsplit(page.url).path}: {page.status_code} {page.text[:500]}'
        )
    form = forms[0]
    choices = []
    for node in form.xpath(f'.//input[@name="{field}"]'):
        label = node.getparent()
        choices.append((node.get('value'), ' '.join(label.text_content().split())))
    values = {
        node.get('name'): node.get('value', '')
        for node in form.xpath('.//input[@type="hidden" or @type="text" or @type="email"]')
        if node.get('name')
    }
    return {'action': urljoin(page.url, form.action or page.url), 'values': values, 'choices': choices}


class ConnectedCompanies:
    """Company one keeps its books in USD, company two in AUD; ``shared_customer`` belongs to neither."""

    #: organizations of the simulator by country
    organizations = {
        'US': 'Lakeside Field Services',
        'AU': 'Riverside Plumbing',
        'GB': 'Thames Heating',
        'NZ': 'Southern',
    }
    #: What the books begin with. A class with a method ``arrange_class`` goes on from there, once for all its tests;
    #: what it makes, it keeps in attributes of the class.
    seed = 'demo'

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        impatient = partial(base.ProviderConfig, read_timeout=READ_TIMEOUT)
        cls.startClassPatcher(patch.object(base, 'ProviderConfig', impatient))
        # In a test nobody else comes by while the pull makes room for a push.
        cls.startClassPatcher(patch.object(fieldpromax_run, 'PUSH_PAUSE', 0))
        cls.simulator = Simulator.start(cls)
        aud = cls.env.ref('base.AUD')
        aud.active = True
        cls.company, cls.company_2 = cls.setup_companies(aud)
        # The country comes afterwards: with it Odoo would want the chart of accounts of that country's own addon.
        cls.company.country_id = cls.env.ref('base.us')
        cls.company_2.country_id = cls.env.ref('base.au')
        cls.shared_customer = cls.env['res.partner'].create(
            {
                'name': 'Shared Customer',
                'email': 'shared@example.com',
                'is_company': True,
                'company_id': False,
            }
        )
        cls.own_customer = cls.env['res.partner'].create(
            {'name': 'Customer of One', 'email': 'one@example.com', 'company_id': cls.company.id}
        )
        cls.setup_people()
        parameters = cls.env['ir.config_parameter'].sudo()
        parameters.set_param('fieldpromax_accounting.xero_base_url', cls.simulator.url)
        # The clock of the simulators is moved here, the one of the limits is not; test_limits.py has them.
        for provider in ('xero', 'quickbooks'):
            parameters.set_param(f'fieldpromax_accounting.{provider}_calls_per_minute', '0')
        cls.env['fieldpromax.app'].sudo()._set_credentials('xero', CLIENT_ID, CLIENT_SECRET)
        if not cls._registry_patched:
            # Token refresh and consent use cursors of their own: let them see what the test wrote.
            cls.registry_enter_test_mode_cls()

    @classmethod
    def _request_handler(cls, s, r, /, **kw):
        # Our transport moves a request to the simulator's origin below this point, and refuses every host but this
        # machine by itself: Odoo's own watch would only see the production address.
        if type(s.get_adapter(r.url)).__module__ == transport.__name__:
            return SEND(s, r, **kw)
        return super()._request_handler(s, r, **kw)

    @classmethod
    def setup_people(cls):
        def person(login, groups, companies=cls.company):
            company_values = {'company_id': companies[0].id, 'company_ids': [Command.set(companies.ids)]}
            # A database that was prepared has the people already.
            if user := cls.env['res.users'].search([('login', '=', login)]):
                user.write(company_values)
                return user
            return new_test_user(cls.env, login, groups=groups, password=login, **company_values)

        module = 'fieldpromax_accounting.fieldpromax_accounting_group_'
        cls.user_portal = person('fpm_portal', 'base.group_portal')
        cls.user_employee = person('fpm_employee', 'base.group_user')
        cls.user_invoice = person('fpm_invoice', 'base.group_user,account.group_account_invoice')
        cls.user_bookkeeper = person('fpm_bookkeeper', 'base.group_user,account.group_account_user')
        cls.user_manager = person('fpm_manager', f'base.group_user,base.group_system,{module}manager')
        cls.user_manager_both = person(
            'fpm_manager_both',
            f'base.group_user,base.group_system,{module}manager',
            cls.company | cls.company_2,
        )
        cls.user_bookkeeper_2 = person(
            'fpm_bookkeeper_2', 'base.group_user,account.group_account_user', cls.company_2
        )
        cls.user_manager_2 = person(
            'fpm_manager_2', f'base.group_user,base.group_system,{module}manager', cls.company_2
        )

    def setUp(self):
        arranges = hasattr(self, 'arrange_class')
        if arranges and 'is_arranged' not in vars(type(self)):
            self.reset_books(seed=self.seed)
            # Before the savepoint of the first test, so that every test of the class begins with it.
            self.arrange_class()
            self.env.flush_all()
            for simulator in self.simulators():
                simulator.bookmark('arranged')
            type(self).is_arranged = True
        super().setUp()
        self.reset_books(**({'bookmark': 'arranged'} if arranges else {'seed': self.seed}))

    def simulators(self):
        """Those whose books the tests change."""
        return [self.simulator]

    def reset_books(self, **to):
        for simulator in self.simulators():
            simulator.reset(**to)

    # === CONSENT === #

    def as_person(self, user, company=None):
        """An environment as ``user`` has it in the web client, working in ``company``."""
        company = company or user.company_id
        return self.env(user=user, su=False, context={'lang': 'en_US', 'allowed_company_ids': company.ids})

    def start_consent(self, user=None, company=None, provider='xero'):
        """The address of the provider that Connect leads to."""
        env = self.as_person(user or self.user_manager, company)
        url = env['fieldpromax.authorization']._start(provider)
        self.env.invalidate_all()
        return url

    def receive_consent(self, params, user=None, company=None, provider='xero'):
        """What the callback route does with the parameters it was given.

        :return: the authorization, with all rights.
        """
        env = self.as_person(user or self.user_manager, company)
        self.env.flush_all()
        outcome = env['fieldpromax.authorization']._receive(provider, params)
        self.env.invalidate_all()
        return self.env['fieldpromax.authorization'].sudo().browse(outcome['id'])

    def connect(self, organization='US', user=None, company=None, person=PERSON):
        """Connect through the simulator's own pages.

        :param organization: country code or (part of) the name; several, in a list, leave the choice open.
        :return: the connection, with all rights; with several organizations, the authorization.
        """
        wanted = [organization] if isinstance(organization, str) else organization
        wanted = [self.organizations.get(name, name) for name in wanted]
        _path, params = answer_consent(self.start_consent(user, company), wanted, person=person)
        authorization = self.receive_consent(params, user, company)
        if not isinstance(organization, str):
            return authorization
        if not authorization.connection_id:
            raise AssertionError(f'Not connected: {authorization.state} {authorization.reason}')
        return authorization.connection_id

    # === DRIVERS === #

    def run_push(self, connection):
        """Run the push cron of the connection until it has nothing left that is due."""
        return self._run_cron(connection.sudo().push_cron_id)

    def run_pull(self, connection):
        return self._run_cron(connection.sudo().pull_cron_id)

    def run_refresh(self):
        """The daily cron that keeps idle connections alive."""
        return self._run_cron(self.env.ref('fieldpromax_accounting.ir_cron_refresh_credentials'))

    def _run_cron(self, cron):
        self.env.flush_all()
        result = cron.with_user(self.env.ref('base.user_root')).method_direct_trigger()
        self.env.invalidate_all()
        if isinstance(result, dict):
            self.fail(f'The cron failed: {result["params"]["data"].get("message")}')
        return result

    @contextmanager
    def other_database(self, **identity):
        """As if the database were a copy: what is stored with the connections no longer agrees with it."""
        parameters = self.env['ir.config_parameter'].sudo()
        before = parameters.get_param('database.uuid')
        parameters.set_param('database.uuid', identity.get('uuid', '00000000-0000-4000-8000-000000000000'))
        try:
            yield
        finally:
            parameters.set_param('database.uuid', before)

    def wait_until(self, condition, seconds=10):
        """Until ``condition()`` is true: for what another process does."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                raise AssertionError('It did not happen in time.')
            time.sleep(0.05)


class InvoicingCompanies(AccountTestInvoicingCommon):
    """Odoo's own class without the products, taxes, terms and people that it makes for each class of tests: that takes
    longer than most of our tests, which use none of them."""

    @classmethod
    def setUpClass(cls):
        super(UomCommon, cls).setUpClass()
        cls.company_data = cls.collect_company_accounting_data(cls.env.company)

    @classmethod
    def setup_independent_user(cls):
        user = cls.env['res.users'].search([('login', '=', 'accountman')])
        return user or super().setup_independent_user()

    @classmethod
    def setup_other_company(cls, **values):
        return cls.collect_company_accounting_data(cls._create_company(**values))

    @classmethod
    def _create_company(cls, **values):
        # Loading a chart of accounts takes seconds: where the database was prepared, it has both companies.
        company = cls.env['res.company'].sudo().search([('name', '=', values['name'])]).with_env(cls.env)
        if not company:
            return super()._create_company(**values)
        cls.env.user.company_ids = [Command.link(company.id)]
        return company

    @classmethod
    def collect_company_accounting_data(cls, company):
        """What our tests use of it."""
        env = cls.env(context={**cls.env.context, 'allowed_company_ids': company.ids})

        def first(model, **values):
            domain = [(field, '=', value) for field, value in values.items()]
            return env[model].search([*env[model]._check_company_domain(company), *domain], limit=1)

        journals = {
            kind: first('account.journal', type=kind)
            for kind in ('sale', 'purchase', 'general', 'bank', 'cash')
        }
        cash = {'type': 'cash', 'name': 'Cash', 'company_id': company.id}
        return {
            'company': company,
            'currency': company.currency_id,
            'default_account_revenue': first('account.account', account_type='income'),
            'default_account_expense': first('account.account', account_type='expense'),
            'default_journal_sale': journals['sale'],
            'default_journal_purchase': journals['purchase'],
            'default_journal_misc': journals['general'],
            'default_journal_bank': journals['bank'],
            'default_journal_cash': journals['cash'] or cls.env['account.journal'].create(cash),
            'default_tax_sale': company.account_sale_tax_id,
            'default_tax_purchase': company.account_purchase_tax_id,
        }


class FieldpromaxCommon(ConnectedCompanies, InvoicingCompanies):
    """With charts of accounts and everything that invoices need."""

    @classmethod
    def setup_companies(cls, aud):
        cls.company_data_2 = cls.setup_other_company(name='company_2_data', currency_id=aud.id)
        return cls.company_data['company'], cls.company_data_2['company']


class ConnectedOnce:
    """Mix in before a class of tests that each connect to the same organization: the consent is given once for all of
    them. A second :meth:`connect` in a test is a real one."""

    consented = None

    def arrange_class(self):
        self.before_consent()
        type(self).consented = self.connect('US')

    def before_consent(self):
        """Settings that have to stand before."""

    def connect(self, organization='US', **options):
        if self.consented and organization == 'US' and not options and not vars(self).get('has_connected'):
            self.has_connected = True
            return self.consented
        return super().connect(organization, **options)


class ConnectingCommon(ConnectedCompanies, TransactionCase):
    """Without charts of accounts, which take their time: for what happens before the first invoice."""

    @classmethod
    def setup_companies(cls, aud):
        currencies = {'First Company': cls.env.ref('base.USD'), 'Second Company': aud}
        companies = cls.env['res.company'].search([('name', 'in', list(currencies))], order='name')
        companies = companies or cls.env['res.company'].create(
            [{'name': name, 'currency_id': currency.id} for name, currency in currencies.items()]
        )
        cls.env.user.company_ids |= companies
        cls.env = cls.env(context={**cls.env.context, 'allowed_company_ids': companies.ids})
        return [company.with_env(cls.env) for company in companies]


def prepare_database(env):
    """Make once, in a database that is there for these tests alone, what every class would make for itself; the
    caller commits. Without it the classes take longer, and nothing else differs."""
    aud = env.ref('base.AUD')
    aud.active = True
    FieldpromaxCommon.env = env(context={**env.context, **FieldpromaxCommon.default_env_context()})
    ConnectingCommon.env = env
    # Odoo looks up companies that are made outside of tests at a service of its own.
    with patch.object(modules.module, 'current_test', FieldpromaxCommon):
        FieldpromaxCommon.setup_independent_user()
        FieldpromaxCommon.company = FieldpromaxCommon.setup_independent_company()
        FieldpromaxCommon.collect_company_accounting_data(FieldpromaxCommon.company)
        FieldpromaxCommon.company_2 = FieldpromaxCommon.setup_other_company(
            name='company_2_data', currency_id=aud.id
        )['company']
        FieldpromaxCommon.setup_people()
        ConnectingCommon.setup_companies(aud)


class ConnectingHttpCommon(ConnectingCommon, HttpCase):
    """The same over the routes: tag subclasses ``post_install``, ``-at_install``."""

    def log_in(self, user, company=None):
        self.authenticate(user.login, user.login)
        if company:
            self.opener.cookies.set('cids', str(company.id), domain='127.0.0.1')
