"""The command engine: a step as one dbt command in a process of its own, for every dbt that has a command line.

It leans on nothing inside dbt: it gives arguments, reads the JSON log, sends signals and reads artifacts.
"""

from headgate_runner.command_engine.command import run_command

__all__ = ["run_command"]
