"""How long a node takes, learned from its earlier builds.

Durations differ by factors, not by differences, and the latest builds say most: so it is an exponentially
weighted mean of logarithms, which one slow night cannot spoil.
"""

import math
from dataclasses import dataclass

WEIGHT = 0.3
# Less is noise, and the logarithm of nothing is not a number.
SHORTEST_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Duration:
    """What is remembered of a node: mean of the logarithm of seconds, and from how many builds."""

    mean_log: float = 0.0
    builds: int = 0

    @property
    def seconds(self) -> float:
        return math.exp(self.mean_log)

    def learned(self, seconds: float) -> "Duration":
        """This after one more build."""
        latest = math.log(max(seconds, SHORTEST_SECONDS))
        if self.builds == 0:
            return Duration(latest, 1)
        return Duration(self.mean_log + WEIGHT * (latest - self.mean_log), self.builds + 1)
