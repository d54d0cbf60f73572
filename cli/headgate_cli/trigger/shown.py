"""A secret is shown once: to whoever made it, on a terminal or in the object that they asked for."""

import sys
from typing import Any

from headgate_cli.output import escaped, note, print_json, say
from headgate_cli.trigger.guide import guide
from headgate_cli.trigger.source import Source

HIDDEN = "<secret>"


def show(source: Source, url: str, secret: str, as_json: bool, **facts: Any) -> None:
    """Address, secret and where they go. Without a terminal the secret stays in Secrets Manager."""
    address = source.address(url, secret)
    if as_json:
        print_json({"source": source.label, "address": address, "secret": secret, **facts})
        return
    shown = secret if sys.stdout.isatty() else HIDDEN
    say(f"address   {escaped(source.address(url, shown))}")
    say(f"secret    {escaped(shown)}")
    for name, fact in facts.items():
        say(f"{escaped(name.replace('_', ' ')):<9} {escaped(str(fact))}")
    say("")
    for line in guide(source, source.address(url, shown), shown):
        say(escaped(line))
    if shown == HIDDEN:
        note(
            "[yellow]![/] no terminal: the secret is not shown; `--json` does, or read it in Secrets Manager"
        )
    else:
        note("[yellow]![/] the secret is shown this once")


def given_secret() -> str:
    """The sender's own secret, from stdin. Raises InputError when there is none."""
    from headgate.errors import InputError

    secret = sys.stdin.read().strip()
    if not secret or "\n" in secret:
        raise InputError("--given reads the secret from stdin: one line, and not nothing")
    return secret
