"""Headgate on a laptop: the same template, handlers, state machine, runner and dbt, without an AWS account.

``stack.py`` is what the command line calls (up, down, status, reset). ``supervisor.py`` owns the parts:
an embedded Postgres (``warehouse.py``), the AWS emulator (``emulator/``, in a venv of its own) and the front
door (``front_door.py``). ``deploy.py`` brings ``template.yaml`` to the emulator unmodified.
"""
