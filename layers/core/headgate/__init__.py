"""Headgate: event-driven, serverless dbt orchestration.

domain/     pure: what a job, a run, a plan, a queue, an alert is, and the rules between them
usecases/   one function per verb (the same verb as in functions/<verb>); takes ports
ports.py    the Protocols that use cases speak to
adapters/   the world: AWS, webhooks, notifiers, and the in-memory twin of every port
settings.py, bootstrap.py   environment -> settings -> adapters; nothing else reads the one or chooses the other

Imports nothing, so that a Lambda pays only for what its verb needs.
"""
