"""What the upgrade tests look at inside Odoo; run by ``bench/worker.py``."""


def states(env):
    moves = env["account.move"].search([("move_type", "=", "out_invoice")], order="id")
    return [(move.state, move.fieldpromax_state) for move in moves]


def views(env):
    """Every view of ours as the web client asks for it; the number of them."""
    actions = env["ir.actions.act_window"].search([("res_model", "like", "fieldpromax.%")])
    for action in actions:
        env[action.res_model].get_views([(False, kind) for kind in action.view_mode.split(",")])
    return len(actions)
