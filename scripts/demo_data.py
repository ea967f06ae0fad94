"""What the demo adds to Odoo's own demo data; runs inside Odoo (`env` is an Odoo environment)."""

# The app that the simulator knows from its seed, as a real one would be registered at Xero's developer site.
CLIENT_ID = "fieldpromax-demo"
CLIENT_SECRET = "fieldpromax-demo-secret"  # noqa: S105, opens nothing but the simulator


def prepare(env, xero_base_url: str, odoo_base_url: str) -> None:
    """Point the addon at the simulator and fill in the app: only the Connect button is left to click."""
    parameters = env["ir.config_parameter"].sudo()
    parameters.set_param("web.base.url", odoo_base_url)
    parameters.set_param("web.base.url.freeze", "True")
    parameters.set_param("fieldpromax_accounting.xero_base_url", xero_base_url)
    env["fieldpromax.app"]._set_credentials("xero", CLIENT_ID, CLIENT_SECRET)
