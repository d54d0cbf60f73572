"""Events: what arrived, and why it started runs or did not."""

from typing import TYPE_CHECKING
from urllib.parse import unquote

from headgate.api import answers
from headgate.api.requests import EventsQuery
from headgate.api.route import Answer, Request, Route

if TYPE_CHECKING:
    from headgate.bootstrap import World


def list_events(request: Request, ports: "World") -> Answer:
    wish: EventsQuery = request.query
    return 200, {"events": ports.events.recent(wish.limit)}


def view(request: Request, ports: "World") -> Answer:
    # API Gateway hands paths over decoded, what stands in for it may not.
    return 200, {"event": ports.events.get(unquote(request.values["event_id"]))}


ROUTES = (
    Route(
        "GET",
        "/api/events",
        "listEvents",
        "What arrived in the last seven days, newest first.",
        list_events,
        {200: ("Events.", answers.EventsAnswer)},
        query=EventsQuery,
    ),
    Route(
        "GET",
        "/api/events/{event_id}",
        "viewEvent",
        "An event, and what was decided about it for each job.",
        view,
        {200: ("The event.", answers.EventAnswer)},
        refusals={404: "There is no such event."},
    ),
)
