"""Pages for people: HTML rendered on the server, without a script, everything in it escaped.

A page carries its one stylesheet inside itself, and its Content-Security-Policy admits exactly that by its hash.
"""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from headgate.adapters.pages import wording
from headgate.domain.run import Run
from headgate.domain.run_view import RunView
from headgate.domain.waiting import Wait

_HERE = Path(__file__).parent
# A page must stay readable, and below the 6 MB that Lambda answers with, whatever the size of a run.
_LIMITS = {"most_cards": 20, "most_rows": 2_000, "most_names": 200}

# What the first rule does not cover.
_FORBIDDEN = ("base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'")


@dataclass(frozen=True, slots=True)
class Page:
    """One answer to a browser."""

    status: int
    body: str
    headers: Mapping[str, str] = field(default_factory=dict)

    def to_answer(self) -> dict[str, Any]:
        """As API Gateway's payload 2.0 wants it, with the headers that every page has."""
        headers = {**_headers(), **self.headers}
        return {"statusCode": self.status, "headers": headers, "body": self.body}


def one_run(view: RunView) -> Page:
    """A run: why it ran, what failed, then its nodes."""
    return Page(200, _render("run.html", view=view, run=view.run))


def latest_runs(runs: Sequence[Run], waits: Mapping[int, Wait] = MappingProxyType({})) -> Page:
    """Runs, newest first; how to make one when there is none. waits: what queued ones wait for, by run id."""
    return Page(200, _render("runs.html", runs=runs, waits=waits))


def not_found() -> Page:
    return Page(404, _render("not_found.html"))


def refusal() -> Page:
    """Asks the browser for the token, and says nothing else to whoever does not have it."""
    challenge = 'Basic realm="Headgate"'
    return Page(
        401, "Unauthorized\n", {"www-authenticate": challenge, "content-type": "text/plain; charset=utf-8"}
    )


def _render(name: str, **values: object) -> str:
    return _templates().get_template(name).render(style=Markup(_style()), **_LIMITS, **values)  # noqa: S704 - ours


@cache
def _templates() -> Environment:
    templates = Environment(
        loader=FileSystemLoader(_HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= wording.FILTERS
    return templates


@cache
def _style() -> str:
    return (_HERE / "style.css").read_text()


@cache
def _headers() -> dict[str, str]:
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()
    policy = ("default-src 'none'", f"style-src 'sha256-{digest}'", *_FORBIDDEN)
    return {
        "content-type": "text/html; charset=utf-8",
        "content-security-policy": "; ".join(policy),
        "x-content-type-options": "nosniff",
        "referrer-policy": "no-referrer",
        "cache-control": "no-store",
    }
