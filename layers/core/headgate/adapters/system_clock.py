"""The machine's own clock."""

import time


class SystemClock:
    """Clock of the operating system."""

    def now(self) -> float:
        return time.time()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)
