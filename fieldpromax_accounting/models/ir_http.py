from odoo import models
from odoo.http import request


class IrHttp(models.AbstractModel):
    _inherit = 'ir.http'

    @classmethod
    def _dispatch(cls, endpoint):
        # Odoo hands the query on as keywords: one that is called "self" would end in an error 500 and, from anybody, in
        # a traceback in the log.
        if request.httprequest.path.startswith('/fieldpromax/'):
            request.params.pop('self', None)
        return super()._dispatch(endpoint)
