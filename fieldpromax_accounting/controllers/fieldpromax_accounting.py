import logging

from odoo import api, http
from odoo.exceptions import AccessError, UserError
from odoo.http import request

from ..providers import errors

_logger = logging.getLogger(__name__)

SECURITY_HEADERS = {
    'Cache-Control': 'no-store',
    # The address of the callback holds the code: it must not travel on as a referrer.
    'Referrer-Policy': 'no-referrer',
}


class FieldpromaxAccountingController(http.Controller):
    """The two ends of a consent. Every way out is the provider, Settings, or a page with a plain sentence."""

    @http.route('/fieldpromax/oauth/start/<string:provider>', type='http', auth='user', methods=['GET'])
    def fieldpromax_oauth_start(self, provider, company_id=None, **_params):
        """Send the person to the provider's consent page."""
        if refusal := self._refuse_stranger():
            return refusal
        env = self._working_env()
        if company_id and company_id != str(env.company.id):
            return self._page(
                env._(
                    'You are working in %(company)s in another window now. Reload the settings and click '
                    'Connect again.',
                    company=env.company.name,
                )
            )
        try:
            url = env['fieldpromax.authorization']._start(provider)
        except UserError as error:
            return self._page(str(error))
        except errors.ProviderError as error:
            return self._page(error.message)
        response = request.redirect(url, local=False)
        response.headers.extend(SECURITY_HEADERS)
        return response

    @http.route('/fieldpromax/oauth/callback/<string:provider>', type='http', auth='user', methods=['GET'])
    def fieldpromax_oauth_callback(self, provider, **params):
        """Receive what the provider sends the person back with."""
        if refusal := self._refuse_stranger():
            return refusal
        env = self._working_env()
        # Odoo repeats a request whose transaction fails: this one remembers what it has consumed already.
        consumed = request.httprequest.environ.get('fieldpromax.authorization')
        try:
            outcome = env['fieldpromax.authorization']._receive(
                provider, params, resume=consumed, on_consumed=self._remember_consumed
            )
        except UserError as error:
            return self._page(str(error))
        if outcome['state'] == 'exchanged':
            url = f'/odoo/action-fieldpromax_accounting.fieldpromax_authorization_action/{outcome["id"]}'
        else:
            url = env['fieldpromax.connection']._home_url()
        response = request.redirect(url)
        response.headers.extend(SECURITY_HEADERS)
        return response

    @staticmethod
    def _remember_consumed(authorization_id):
        request.httprequest.environ['fieldpromax.authorization'] = authorization_id

    def _refuse_stranger(self):
        """A page for people who are no administrators, None for those who are."""
        try:
            request.env['fieldpromax.connection']._check_manager()
        except (UserError, AccessError) as error:
            return self._page(str(error), status=403)
        return None

    def _working_env(self):
        """The person's environment in the company that the web client shows as the current one."""
        user = request.env.user
        chosen = request.cookies.get('cids') or ''
        company = user.company_id
        first = chosen.replace(',', '-').partition('-')[0]
        if first.isdecimal() and len(first) < 10 and int(first) in user._get_company_ids():
            company = company.browse(int(first))
        context = {**request.env.context, 'allowed_company_ids': company.ids}
        return api.Environment(request.env.cr, request.env.uid, context)

    def _page(self, sentence, status=200):
        """A page that says in a sentence what happened, with the way back."""
        env = request.env
        response = request.render(
            'fieldpromax_accounting.consent_page',
            {
                'sentence': sentence,
                'home_url': env['fieldpromax.connection']._home_url() if env.user._is_internal() else '/odoo',
                'home_label': env._('Back to the settings')
                if env.user.has_group('base.group_system')
                else env._('Back to Odoo'),
            },
            status=status,
        )
        response.headers.extend(SECURITY_HEADERS)
        return response
