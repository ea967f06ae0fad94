"""What the demo adds to Odoo's own demo data; runs inside Odoo (`env` is an Odoo environment)."""

# The app that the simulators know from their seeds, as a real one would be registered at a provider's developer site.
CLIENT_ID = "fieldpromax-demo"
CLIENT_SECRET = "fieldpromax-demo-secret"  # noqa: S105, opens nothing but the simulators


def prepare(env, simulators: dict[str, str], odoo_base_url: str) -> None:
    """Point the addon at the simulators (address by provider) and fill in the apps: only Connect is left to click."""
    parameters = env["ir.config_parameter"].sudo()
    parameters.set_param("web.base.url", odoo_base_url)
    parameters.set_param("web.base.url.freeze", "True")
    for provider, url in simulators.items():
        parameters.set_param(f"fieldpromax_accounting.{provider}_base_url", url)
        app = env["fieldpromax.app"]._set_credentials(provider, CLIENT_ID, CLIENT_SECRET)
        if provider == "quickbooks":
            app.asks_for_projects = True
