"""`make simulate`: 10,000 histories. `SEED=123 make simulate` shows one of them whole, `SEEDS=500` does fewer."""

import os
import sys

from tests.simulation.many import show, simulate

if __name__ == "__main__":
    chosen = os.environ.get("SEED")
    sys.exit(show(int(chosen)) if chosen else simulate(int(os.environ.get("SEEDS", "10000"))))
