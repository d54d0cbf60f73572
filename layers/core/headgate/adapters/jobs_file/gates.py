"""When what a job waits for is enough: the keys that every kind below `when:` takes, and `gate:` for all of them."""

from collections.abc import Sequence
from typing import Annotated, Literal

from pydantic import Field, PlainValidator

from headgate.adapters.jobs_file.entry import Entry, KeyFaultError, written_as
from headgate.adapters.jobs_file.values import Clock, Span, TimeZone
from headgate.domain.gate import Awaited, Gate


def _wait_for(value: object) -> object:
    if value in ("any", "all") or (isinstance(value, int) and not isinstance(value, bool) and value >= 1):
        return value
    raise ValueError(f"must be any, all or how many (1 or more), not {value!r}")


WaitFor = Annotated[
    Literal["any", "all"] | int,
    PlainValidator(_wait_for),
    written_as(anyOf=[{"enum": ["any", "all"]}, {"type": "integer", "minimum": 1}]),
]


class GateEntry(Entry):
    """How much of what is awaited must have arrived, and by when."""

    wait_for: WaitFor = Field(
        "any",
        description="How much of what is listed must have arrived before a run starts: `any` one, `all`, or a number. "
        "What starts a run is used up: the next one waits anew.",
        examples=["all"],
    )
    within: Span | None = Field(
        None,
        description="How close together it must have arrived; what is older waits for its next arrival. Needs "
        "`wait_for` of more than one.",
        examples=["2h"],
    )
    debounce: Span | None = Field(
        None,
        description="How long nothing more must arrive before the run starts, so that a burst makes one run.",
        examples=["5m"],
    )
    else_at: Clock | None = Field(
        None,
        description="A local time at which a run starts anyway, with what has arrived, and says what was late, unless "
        "one started since that time the day before.",
        examples=['"07:00"'],
    )
    timezone: TimeZone = Field("UTC", description="The time zone of `else_at`.", examples=["Europe/Berlin"])

    def check(self, awaited: int, *under: str) -> None:
        """Raise KeyFaultError for what makes no sense with this many things to wait for."""
        if isinstance(self.wait_for, int) and self.wait_for > awaited:
            message = f"must be at most {awaited}: so many are listed"
            raise KeyFaultError(message, *under, "wait_for")
        if self.within is not None and self.needed(awaited) < 2:
            what = "only one is listed" if awaited < 2 else "any one is enough"
            raise KeyFaultError(
                f"says nothing here: {what}. It goes with wait_for: all or 2 and more", *under, "within"
            )
        if self.else_at is None and "timezone" in self.model_fields_set:
            raise KeyFaultError(
                'is the zone of else_at: add else_at: "07:00", or leave it out', *under, "timezone"
            )

    def needed(self, awaited: int) -> int:
        """How many of them must have arrived."""
        if isinstance(self.wait_for, int):
            return self.wait_for
        return awaited if self.wait_for == "all" else 1

    def gate(self, name: str, awaits: Sequence[Awaited]) -> Gate:
        return Gate(
            name,
            tuple(awaits),
            needed=self.needed(len(awaits)),
            within=self.within,
            debounce=self.debounce or 0.0,
            else_at=self.else_at or "",
            timezone=self.timezone,
        )


GATE_KEYS = tuple(GateEntry.model_fields)
