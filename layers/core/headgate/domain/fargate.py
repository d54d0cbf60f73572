"""The sizes that Fargate offers: which memory (MiB) goes with which CPU units (1024 = 1 vCPU), from ECS' table."""

FARGATE_MEMORY: dict[int, tuple[int, ...]] = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
    8192: tuple(range(16384, 61440 + 1, 4096)),
    16384: tuple(range(32768, 122880 + 1, 8192)),
}


def memory_steps(cpu: int, memory: int) -> list[int]:
    """The memory of a runner, and what it gets next each time when that was too little: twice as much, if there is."""
    steps = [memory]
    while larger := [size for size in FARGATE_MEMORY.get(cpu, ()) if size > steps[-1]]:
        steps.append(next((size for size in larger if size >= 2 * steps[-1]), larger[-1]))
    return steps
