"""Why a command could not do its work."""


class CommandFailed(Exception):
    """The message is for whoever typed the command: one line, or one for each thing that is wrong."""
