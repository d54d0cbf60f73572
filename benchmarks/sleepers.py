"""A dbt project whose models only sleep: known durations, known critical path, no work for the machine's cores.

Layered like real projects (staging, intermediate, marts: 35, 30 and 35 per cent), durations lognormal, fixed seed.
"""

import random
from dataclasses import dataclass
from math import exp
from pathlib import Path

SHARES = (("stg", 0.35, 0.4), ("int", 0.30, 1.0), ("fct", 0.35, 1.6))

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


@dataclass(frozen=True)
class Sleepers:
    """Models with their parents and seconds."""

    parents: dict[str, tuple[str, ...]]
    seconds: dict[str, float]

    @property
    def work(self) -> float:
        return sum(self.seconds.values())

    @property
    def critical_path(self) -> float:
        ends: dict[str, float] = {}
        for model, parents in self.parents.items():  # written parents first
            ends[model] = self.seconds[model] + max((ends[parent] for parent in parents), default=0.0)
        return max(ends.values())

    def write(self, folder: Path) -> None:
        models = folder / "models"
        models.mkdir(parents=True, exist_ok=True)
        (folder / "dbt_project.yml").write_text(PROJECT)
        (folder / "profiles.yml").write_text(PROFILES)
        for model, parents in self.parents.items():
            needs = "".join(f"-- depends_on: {{{{ ref('{parent}') }}}}\n" for parent in parents)
            sql = f"select 1 as id from (select pg_sleep({self.seconds[model]:.3f})) as slept\n"
            (models / f"{model}.sql").write_text(needs + sql)


def make_sleepers(models: int, work: float, seed: int = 7) -> Sleepers:
    """`models` models that sleep `work` seconds in all."""
    dice = random.Random(seed)
    names: dict[str, list[str]] = {}
    parents: dict[str, tuple[str, ...]] = {}
    weights: dict[str, float] = {}
    for layer, share, weight in SHARES:
        earlier = [name for layer_names in names.values() for name in layer_names]
        names[layer] = []
        for number in range(round(models * share)):
            name = f"{layer}_{number:03d}"
            wanted = dice.choice((1, 1, 2, 2, 3)) if earlier else 0
            parents[name] = tuple(sorted(dice.sample(earlier, min(wanted, len(earlier)))))
            weights[name] = weight * exp(dice.gauss(0.0, 0.8))
            names[layer].append(name)
    scale = work / sum(weights.values())
    return Sleepers(parents, {name: max(0.02, weight * scale) for name, weight in weights.items()})
