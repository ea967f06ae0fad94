from odoo import http
from odoo.http import Response, request
from werkzeug.exceptions import RequestEntityTooLarge

from ..exceptions import EncryptionKeyMissing
from ..providers import registry

#: of a body, in bytes; a webhook of many events takes a few kilobytes
MAX_BODY = 1024 * 1024


class FieldpromaxWebhookController(http.Controller):
    """Where the providers ring. The answer is an empty 200, or an empty 401 for whoever cannot prove to be the
    provider: that is what Xero asks for, and it tells nobody which organizations are known here.

    Nothing is processed: what rang is noted, and the pull is woken. Bodies and signatures are logged nowhere.
    """

    @http.route(
        '/fieldpromax/webhook/<string:provider>',
        type='http',
        auth='public',
        methods=['POST'],
        csrf=False,
        # Without a session there is no cookie, which Xero refuses.
        save_session=False,
        max_content_length=MAX_BODY,
    )
    def fieldpromax_webhook(self, provider, **_params):
        try:
            provider_class = registry.get(provider)
        except KeyError:
            return Response(status=401)
        app = request.env['fieldpromax.app'].sudo()
        try:
            key = app._webhook_key(provider)
            body = request.httprequest.get_data()
        except (EncryptionKeyMissing, RequestEntityTooLarge):
            # On a server without the encryption key nothing can be proved.
            return Response(status=401)
        if not provider_class.verify_webhook(body, request.httprequest.headers, key):
            return Response(status=401)
        request.env['fieldpromax.doorbell'].sudo()._ring(provider, provider_class.read_webhook(body))
        app._note_heard(provider)
        return Response(status=200)
