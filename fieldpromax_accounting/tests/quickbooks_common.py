"""What the tests with QuickBooks Online share: its simulator over HTTP, and a consent that goes through its pages."""

from .common import CLIENT_ID, CLIENT_SECRET, PASSWORD, PERSON, Simulator, answer_consent


class QuickBooksSimulator(Simulator):
    """The QuickBooks simulator over HTTP; a process of its own."""

    module = 'simulators.quickbooks'
    variable = 'FIELDPROMAX_QUICKBOOKS_SIMULATOR'


def answer_intuit(authorization_url, company, person=PERSON, password=PASSWORD, cancel=False):
    """Log in at Intuit, choose a company and consent, as a person does in the browser.

    :param company: part of the label of the company to choose.
    :return: the address that the provider sends the person back to, as ``(path, {parameter: value})``.
    """
    return answer_consent(authorization_url, [company], person, password, cancel, field='company')


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

    def simulators(self):
        return [*super().simulators(), self.quickbooks]

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
