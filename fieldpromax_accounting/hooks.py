def uninstall_hook(env):
    """Take our crons and the consents with us; the records of both sides stay as they are."""
    env['fieldpromax.connection']._uninstall()
