"""`make bench`: every benchmark, one after the other, as Markdown."""

from benchmarks import build_ratio, latency, plan_scale


def main() -> None:
    for benchmark in (latency, build_ratio, plan_scale):
        print(benchmark.measure(), flush=True)


if __name__ == "__main__":
    main()
