"""A dbt project of many domains with a connector and ten models each, as companies with many sources have them.

Each domain: three staging views on three source tables, three intermediate tables over them, four marts. Every
fifth domain's last mart also reads an intermediate table of another domain.
"""

import random
from dataclasses import dataclass
from pathlib import Path

STAGING, INTERMEDIATE, MARTS = 3, 3, 4
PER_DOMAIN = STAGING + INTERMEDIATE + MARTS

PROJECT = """\
name: domains
version: '1.0'
profile: sleepers
models:
  domains:
    +materialized: table
    staging: {+materialized: view}
"""


@dataclass(frozen=True)
class Domains:
    """Models with their parents (written before their children); parents with a dot are source tables."""

    count: int
    parents: dict[str, tuple[str, ...]]

    @property
    def connectors(self) -> list[str]:
        return [f"domain_{number:02d}" for number in range(self.count)]

    def reading(self, connector: str) -> set[str]:
        """The models that have new data when this connector has synced, however far below."""
        found = {f"{connector}.raw_{place}" for place in range(STAGING)}
        for model, parents in self.parents.items():
            if found & set(parents):
                found.add(model)
        return found & self.parents.keys()

    def write(self, folder: Path, profiles: str) -> None:
        """The project's files. Sources are only named, never read: the tables need not be there."""
        (folder / "models" / "staging").mkdir(parents=True, exist_ok=True)
        (folder / "dbt_project.yml").write_text(PROJECT)
        (folder / "profiles.yml").write_text(profiles)
        (folder / "models" / "sources.yml").write_text(self._sources())
        for model, parents in self.parents.items():
            self.write_model(folder, model, parents)

    def write_model(self, folder: Path, model: str, parents: tuple[str, ...], value: int = 1) -> None:
        needs = "".join(f"-- depends_on: {{{{ {_reference(parent)} }}}}\n" for parent in parents)
        where = folder / "models" / ("staging" if model.startswith("stg_") else "")
        (where / f"{model}.sql").write_text(f"{needs}select {value} as id\n")

    def _sources(self) -> str:
        tables = ", ".join(f"{{name: raw_{place}}}" for place in range(STAGING))
        return "sources:\n" + "".join(
            f"  - name: {connector}\n"
            f"    config: {{meta: {{headgate: {{connector: {connector}}}}}}}\n"
            f"    tables: [{tables}]\n"
            for connector in self.connectors
        )


def make_domains(models: int, seed: int = 7) -> Domains:
    """So many models, in domains of ten."""
    dice = random.Random(seed)
    parents: dict[str, tuple[str, ...]] = {}
    count = models // PER_DOMAIN
    for number in range(count):
        names = {layer: [f"{layer}_{number:02d}_{place}" for place in range(size)] for layer, size in
                 (("stg", STAGING), ("int", INTERMEDIATE), ("fct", MARTS))}  # fmt: skip
        for place, name in enumerate(names["stg"]):
            parents[name] = (f"domain_{number:02d}.raw_{place}",)
        for place, name in enumerate(names["int"]):
            parents[name] = tuple(sorted({names["stg"][place], dice.choice(names["stg"])}))
        for place, name in enumerate(names["fct"]):
            parents[name] = tuple(sorted({names["int"][place % INTERMEDIATE], dice.choice(names["int"])}))
        if number % 5 == 4:
            other = dice.randrange(number)
            last = names["fct"][-1]
            parents[last] = (*parents[last], f"int_{other:02d}_{dice.randrange(INTERMEDIATE)}")
    return Domains(count, parents)


def _reference(parent: str) -> str:
    source, _, name = parent.partition(".")
    return f"source('{source}', '{name}')" if name else f"ref('{parent}')"
