"""What can go wrong with the local stack. Every message says what happened and what to do.

LocalStackError
├── NotSetUpError       the venvs are missing: run `make setup`
├── PartFailedError     a part did not start or ended by itself
└── DeployFailedError   the template did not deploy
"""


class LocalStackError(Exception):
    """The local stack cannot do what was asked."""


class NotSetUpError(LocalStackError):
    """Something that `make setup` installs is missing."""


class PartFailedError(LocalStackError):
    """A part of the stack did not start or ended by itself; the message has the last lines of its log."""


class DeployFailedError(LocalStackError):
    """CloudFormation refused the template; the message lists the resources that failed and why."""
