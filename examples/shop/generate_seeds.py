"""Write the shop's seed files: a quarter of an invented tea and ceramics shop, the same on every machine.

`python generate_seeds.py [FOLDER]` (default: `seeds/` beside this file). Everything follows from one seed
number, and only `Random.random` is drawn from, whose sequence Python promises to keep between versions.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

FIRST_DAY = date(2026, 4, 1)
DAYS = 91
COUNTRIES = {"DE": "EUR", "FR": "EUR", "NL": "EUR", "ES": "EUR", "GB": "GBP", "US": "USD"}
PRICE_FACTOR = {"EUR": 1.0, "GBP": 0.86, "USD": 1.09}
CATEGORIES = {
    "green tea": 1250,
    "black tea": 990,
    "oolong": 1890,
    "teapots": 5400,
    "cups": 2200,
    "tools": 1450,
}
NAMES = ["Ada", "Bruno", "Carla", "Deniz", "Elif", "Farid", "Greta", "Hugo", "Ines", "Jonas", "Kaya", "Milo"]
CAMPAIGNS = [
    ("spring_green", "Spring harvest", "paid_search", 0, 45),
    ("teapot_weeks", "Teapot weeks", "paid_search", 30, 75),
    ("brand_search", "Brand search", "paid_search", 0, 90),
    ("ceramics_social", "Ceramics stories", "social", 20, 80),
    ("newsletter_april", "April letter", "email", 5, 30),
    ("newsletter_may", "May letter", "email", 35, 60),
    ("newsletter_june", "June letter", "email", 65, 90),
]

Row = dict[str, Any]
Item = TypeVar("Item")


@dataclass
class Dice:
    """The few ways in which this file draws from its random sequence."""

    source: Random

    def chance(self, probability: float) -> bool:
        return self.source.random() < probability

    def whole(self, low: int, high: int) -> int:
        return low + int(self.source.random() * (high - low + 1))

    def pick(self, items: Sequence[Item]) -> Item:
        return items[self.whole(0, len(items) - 1)]

    def moment(self, first: int = 0, last: int = DAYS - 1) -> datetime:
        day = FIRST_DAY + timedelta(days=self.whole(first, last))
        return datetime(day.year, day.month, day.day) + timedelta(seconds=self.whole(6 * 3600, 23 * 3600))  # noqa: DTZ001


def customers(dice: Dice) -> list[Row]:
    """One row per customer; a few never gave an address, so that a test has something to warn about."""
    rows: list[Row] = []
    for number in range(1, 121):
        name = dice.pick(NAMES)
        created = dice.moment(-200, 60)
        rows.append(
            {
                "customer_id": f"cus_{number:04}",
                "full_name": f"{name} {chr(64 + dice.whole(1, 26))}.",
                "email": "" if number % 40 == 0 else f"{name.lower()}.{number}@example.com",
                "country_code": dice.pick(["DE", "DE", "DE", *COUNTRIES]),
                "marketing_opt_in": str(dice.chance(0.7)).lower(),
                "created_at": created,
                "updated_at": created + timedelta(days=dice.whole(0, 20)),
            }
        )
    return rows


def products(dice: Dice) -> list[Row]:
    """Five products in each category, at prices around the category's own."""
    rows: list[Row] = []
    for category, price in CATEGORIES.items():
        for variant in range(1, 6):
            list_price = price + variant * dice.whole(50, 400)
            rows.append(
                {
                    "product_id": f"prd_{len(rows) + 1:03}",
                    "sku": f"{category[:3].upper()}-{variant:02}",
                    "product_name": f"{category.capitalize()} no. {variant}",
                    "category": category,
                    "list_price_cents": list_price,
                    "unit_cost_cents": int(list_price * (0.3 + dice.source.random() * 0.3)),
                    "is_active": str(variant != 5).lower(),
                }
            )
    return rows


def orders(dice: Dice, buyers: list[Row]) -> list[Row]:
    """Orders over the whole quarter, in the currency of the buyer's country."""
    rows: list[Row] = []
    for ordered_at in sorted(dice.moment() for _ in range(260)):
        buyer = dice.pick([row for row in buyers if row["created_at"] < ordered_at])
        status = dice.pick(
            ["delivered"] * 12 + ["shipped"] * 3 + ["placed", "placed", "returned", "cancelled"]
        )
        rows.append(
            {
                "order_id": f"ord_{len(rows) + 1:05}",
                "customer_id": buyer["customer_id"],
                "order_status": status,
                "currency": COUNTRIES[buyer["country_code"]],
                "ordered_at": ordered_at,
                "updated_at": ordered_at + timedelta(hours=dice.whole(1, 140)),
            }
        )
    return rows


def order_items(dice: Dice, placed: list[Row], catalogue: list[Row]) -> list[Row]:
    """One to three lines per order; prices carry the order's currency."""
    rows: list[Row] = []
    for order in placed:
        for product in {dice.pick(range(len(catalogue))) for _ in range(dice.whole(1, 3))}:
            price = int(catalogue[product]["list_price_cents"] * PRICE_FACTOR[order["currency"]])
            rows.append(
                {
                    "order_item_id": f"itm_{len(rows) + 1:05}",
                    "order_id": order["order_id"],
                    "product_id": catalogue[product]["product_id"],
                    "quantity": dice.pick([1, 1, 1, 2, 2, 4]),
                    "unit_price_cents": price,
                    "discount_cents": price // 10 if dice.chance(0.15) else 0,
                }
            )
    return rows


def payments(dice: Dice, placed: list[Row], lines: list[Row]) -> list[Row]:
    """What customers paid: mostly at once, at times after a refused try, and some `placed` orders never."""
    totals: dict[str, int] = {}
    for line in lines:
        amount = line["quantity"] * line["unit_price_cents"] - line["discount_cents"]
        totals[line["order_id"]] = totals.get(line["order_id"], 0) + amount
    rows: list[Row] = []
    for order in placed:
        if order["order_status"] == "cancelled" or (order["order_status"] == "placed" and dice.chance(0.4)):
            continue
        tries = ["failed", "succeeded"] if dice.chance(0.08) else ["succeeded"]
        for number, status in enumerate(tries):
            rows.append(
                {
                    "payment_id": f"pay_{len(rows) + 1:05}",
                    "order_id": order["order_id"],
                    "amount_cents": totals[order["order_id"]],
                    "currency": order["currency"],
                    "method": dice.pick(["card", "card", "card", "sepa_debit", "wallet"]),
                    "status": status,
                    "created_at": order["ordered_at"] + timedelta(minutes=2 + 11 * number),
                }
            )
    return rows


def refunds(dice: Dice, placed: list[Row], paid: list[Row]) -> list[Row]:
    """Everything for a returned order, a part for the odd broken cup."""
    returned = {order["order_id"] for order in placed if order["order_status"] == "returned"}
    rows: list[Row] = []
    for payment in (row for row in paid if row["status"] == "succeeded"):
        is_returned = payment["order_id"] in returned
        if is_returned or dice.chance(0.05):
            rows.append(
                {
                    "refund_id": f"ref_{len(rows) + 1:04}",
                    "payment_id": payment["payment_id"],
                    "amount_cents": payment["amount_cents"] if is_returned else payment["amount_cents"] // 4,
                    "reason": "returned" if is_returned else dice.pick(["damaged", "late"]),
                    "created_at": payment["created_at"] + timedelta(days=dice.whole(2, 14)),
                }
            )
    return rows


def fees(paid: list[Row]) -> list[Row]:
    """The payment provider's fee for each payment that went through: 1.5 % and 25 cents."""
    return [
        {
            "fee_id": payment["payment_id"].replace("pay", "fee"),
            "payment_id": payment["payment_id"],
            "fee_cents": payment["amount_cents"] * 15 // 1000 + 25,
        }
        for payment in paid
        if payment["status"] == "succeeded"
    ]


def exchange_rates(dice: Dice) -> list[Row]:
    """Euro per unit on banking days only: no rate at weekends, as from a central bank."""
    rate = {"GBP": 1.16, "USD": 0.92}
    rows: list[Row] = []
    for day in (FIRST_DAY + timedelta(days=offset) for offset in range(-3, DAYS + 15)):
        for currency in rate:
            rate[currency] *= 1 + (dice.source.random() - 0.5) / 100
            if day.weekday() < 5:
                rows.append({"rate_date": day, "currency": currency, "eur_per_unit": f"{rate[currency]:.6f}"})
    return rows


def sessions(dice: Dice, placed: list[Row], buyers: list[Row]) -> list[Row]:
    """Visits: one or two in the days before most orders, and others that led to nothing."""
    visits = [
        (order["customer_id"], order["ordered_at"] - timedelta(minutes=dice.whole(5, 8000)))
        for order in placed
        for _ in range(dice.whole(0, 2))
    ]
    visits += [
        ("" if dice.chance(0.5) else dice.pick(buyers)["customer_id"], dice.moment()) for _ in range(130)
    ]
    rows: list[Row] = []
    for number, (customer_id, started_at) in enumerate(
        sorted(visits, key=lambda visit: (visit[1], visit[0])), 1
    ):
        running = [c for c in CAMPAIGNS if c[3] <= (started_at.date() - FIRST_DAY).days <= c[4]]
        campaign = dice.pick(running) if running and dice.chance(0.55) else None
        rows.append(
            {
                "session_id": f"ses_{number:05}",
                "customer_id": customer_id,
                "started_at": started_at,
                "channel": campaign[2] if campaign else dice.pick(["direct", "direct", "organic"]),
                "campaign_id": campaign[0] if campaign else "",
                "pages_viewed": dice.whole(1, 14),
            }
        )
    return rows


def campaigns(dice: Dice) -> list[Row]:
    """What marketing planned, with dates and a budget."""
    return [
        {
            "campaign_id": identity,
            "campaign_name": name,
            "channel": channel,
            "starts_on": FIRST_DAY + timedelta(days=first),
            "ends_on": FIRST_DAY + timedelta(days=last),
            "budget_cents": 0 if channel == "email" else dice.whole(8, 30) * 10_000,
        }
        for identity, name, channel, first, last in CAMPAIGNS
    ]


def ad_spend(dice: Dice) -> list[Row]:
    """One row per paid campaign and day, cost in millionths of a euro as the ad platform counts it."""
    return [
        {
            "spend_date": FIRST_DAY + timedelta(days=day),
            "campaign_id": identity,
            "impressions": (clicks := dice.whole(4, 60)) * dice.whole(20, 60),
            "clicks": clicks,
            "cost_micros": clicks * dice.whole(180_000, 420_000),
        }
        for identity, _, channel, first, last in CAMPAIGNS
        if channel != "email"
        for day in range(first, last + 1)
    ]


def email_events(dice: Dice, buyers: list[Row]) -> list[Row]:
    """Letters to those who opted in: delivered, perhaps opened, perhaps clicked or cancelled."""
    readers = [row["customer_id"] for row in buyers if row["marketing_opt_in"] == "true"]
    rows: list[Row] = []
    for identity, _, channel, first, _ in CAMPAIGNS:
        for reader in readers if channel == "email" else ():
            sent = dice.moment(first, first + 1)
            story = ["delivered"] + (["opened"] if dice.chance(0.5) else [])
            if len(story) == 2 and dice.chance(0.4):
                story.append(dice.pick(["clicked", "clicked", "clicked", "unsubscribed"]))
            rows += [
                {
                    "event_id": f"eml_{len(rows) + step:05}",
                    "campaign_id": identity,
                    "customer_id": reader,
                    "event_type": event,
                    "occurred_at": sent + timedelta(hours=3 * (step - 1)),
                }
                for step, event in enumerate(story, 1)
            ]
    return rows


def shop() -> dict[str, list[Row]]:
    """Every seed file by its path below the seeds folder."""
    dice = Dice(Random(20260401))  # noqa: S311
    buyers, catalogue = customers(dice), products(dice)
    placed = orders(dice, buyers)
    lines = order_items(dice, placed, catalogue)
    paid = payments(dice, placed, lines)
    return {
        "storefront/storefront_customers.csv": buyers,
        "storefront/storefront_products.csv": catalogue,
        "storefront/storefront_orders.csv": placed,
        "storefront/storefront_order_items.csv": lines,
        "storefront/storefront_sessions.csv": sessions(dice, placed, buyers),
        "stripe/stripe_payments.csv": paid,
        "stripe/stripe_refunds.csv": refunds(dice, placed, paid),
        "stripe/stripe_fees.csv": fees(paid),
        "treasury/treasury_exchange_rates.csv": exchange_rates(dice),
        "salesforce/salesforce_campaigns.csv": campaigns(dice),
        "salesforce/salesforce_email_events.csv": email_events(dice, buyers),
        "google_ads/google_ads_spend.csv": ad_spend(dice),
    }


def write(path: Path, rows: Iterable[Row]) -> None:
    """One CSV with a header and line feeds only."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


if __name__ == "__main__":
    folder = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "seeds"
    for name, content in shop().items():
        write(folder / name, content)
