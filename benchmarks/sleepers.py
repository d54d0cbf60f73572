"""dbt projects whose models only sleep: known durations, a known critical path, no work for the machine's cores.

Five shapes that schedulers find hard in different ways; durations are lognormal (diamonds: even), seeds fixed.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import exp
from pathlib import Path

# Staging, intermediate, marts: share of the models, how often each is drawn longer.
SHARES = (("stg", 0.35, 0.4), ("int", 0.30, 1.0), ("fct", 0.35, 1.6))
SHORTEST_SECONDS = 0.02

PROJECT = """\
name: sleepers
version: '1.0'
profile: sleepers
models: {sleepers: {+materialized: table}}
"""
PROFILES = """\
sleepers:
  target: prod
  outputs:
    prod:
      type: postgres
      host: "{{ env_var('SLEEPERS_HOST') }}"
      port: "{{ env_var('SLEEPERS_PORT') | int }}"
      user: "{{ env_var('SLEEPERS_USER') }}"
      password: "{{ env_var('DBT_ENV_SECRET_SLEEPERS_PASSWORD') }}"
      dbname: "{{ env_var('SLEEPERS_DATABASE') }}"
      schema: sleepers
      threads: 8
"""
Parents = dict[str, tuple[str, ...]]


@dataclass(frozen=True)
class Sleepers:
    """Models with their parents (written before their children) and seconds."""

    parents: Parents
    seconds: Mapping[str, float]

    @property
    def work(self) -> float:
        return sum(self.seconds.values())

    @property
    def critical_path(self) -> float:
        return max(self._ends().values())

    def lower_bound(self, slots: int) -> float:
        """No schedule on so many threads is shorter."""
        return max(self.critical_path, self.work / slots)

    def levels(self) -> list[list[str]]:
        """The models by their distance from the roots: what schedulers that go in waves build at once."""
        depth: dict[str, int] = {}
        for model, parents in self.parents.items():
            depth[model] = 1 + max((depth[parent] for parent in parents), default=-1)
        waves: list[list[str]] = [[] for _ in range(max(depth.values()) + 1)]
        for model, level in depth.items():
            waves[level].append(model)
        return waves

    def _ends(self) -> dict[str, float]:
        ends: dict[str, float] = {}
        for model, parents in self.parents.items():
            ends[model] = self.seconds[model] + max((ends[parent] for parent in parents), default=0.0)
        return ends

    def write(self, folder: Path) -> None:
        models = folder / "models"
        models.mkdir(parents=True, exist_ok=True)
        (folder / "dbt_project.yml").write_text(PROJECT)
        (folder / "profiles.yml").write_text(PROFILES)
        for model, parents in self.parents.items():
            needs = "".join(f"-- depends_on: {{{{ ref('{parent}') }}}}\n" for parent in parents)
            sql = f"select 1 as id from (select pg_sleep({self.seconds[model]:.3f})) as slept\n"
            (models / f"{model}.sql").write_text(needs + sql)


def make_sleepers(shape: str, models: int, work: float, seed: int = 7) -> Sleepers:
    """`models` models of one of the SHAPES that sleep `work` seconds in all."""
    parents, weights = SHAPES[shape](models, random.Random(seed))
    scale = work / sum(weights.values())
    return Sleepers(
        parents, {model: max(SHORTEST_SECONDS, weight * scale) for model, weight in weights.items()}
    )


Shape = tuple[Parents, dict[str, float]]


def _layers(models: int, dice: random.Random) -> Shape:
    """Like real projects: staging models read nothing, everything later one to three models written before it."""
    parents: Parents = {}
    weights: dict[str, float] = {}
    for layer, share, weight in SHARES:
        for number in range(round(models * share)):
            name = f"{layer}_{number:03d}"
            earlier = [] if layer == SHARES[0][0] else list(parents)
            wanted = dice.choice((1, 1, 2, 2, 3)) if earlier else 0
            parents[name] = tuple(sorted(dice.sample(earlier, min(wanted, len(earlier)))))
            weights[name] = weight * exp(dice.gauss(0.0, 0.8))
    return parents, weights


def _wide_fan(models: int, dice: random.Random) -> Shape:
    """One root, everything else beside each other, one model that reads all of it."""
    fan = [f"fan_{number:03d}" for number in range(models - 2)]
    parents: Parents = {"root": (), **dict.fromkeys(fan, ("root",)), "sink": tuple(fan)}
    return parents, {model: exp(dice.gauss(0.0, 0.5)) for model in parents}


def _long_chain(models: int, dice: random.Random) -> Shape:
    """A chain that takes as long as eight threads need for everything, and leaves along it."""
    links = max(2, models // 8)
    parents: Parents = {f"link_{n:03d}": (f"link_{n - 1:03d}",) if n else () for n in range(links)}
    for number in range(models - links):
        parents[f"leaf_{number:03d}"] = (f"link_{dice.randrange(links):03d}",)
    return parents, {model: 0.9 + 0.2 * dice.random() for model in parents}


def _diamond(models: int, dice: random.Random) -> Shape:
    """From one model to many and back to one: each layer four times as wide as the one before, then a quarter."""
    parents: Parents = {}
    last: list[str] = []
    for layer, width in enumerate(_widths(models)):
        names = [f"layer_{layer}_{place:03d}" for place in range(width)]
        for place, name in enumerate(names):
            first = place * len(last) // width
            parents[name] = tuple(last[first : max(first + 1, (place + 1) * len(last) // width)])
        last = names
    return parents, {model: 0.8 + 0.4 * dice.random() for model in parents}


def _widths(models: int) -> list[int]:
    rising = [1]
    while 2 * (sum(rising) + 4 * rising[-1]) <= models:
        rising.append(4 * rising[-1])
    return [*rising, models - 2 * sum(rising), *reversed(rising)]


def _skewed(models: int, dice: random.Random) -> Shape:
    """A few models take most of the time, and nobody sees it in the graph."""
    parents, weights = _layers(models, dice)
    return parents, {model: weight * exp(dice.gauss(0.0, 0.7)) for model, weight in weights.items()}


SHAPES: dict[str, Callable[[int, random.Random], Shape]] = {
    "layers": _layers,
    "wide fan": _wide_fan,
    "long chain": _long_chain,
    "diamond": _diamond,
    "skewed": _skewed,
}
