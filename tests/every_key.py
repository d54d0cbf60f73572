"""A jobs file that uses every key there is, as it may be written."""

EVERY_KEY = """\
version: 1
project: shop
account: {max_parallel_runs: 20}
variables: {DBT_REGION: eu}
secrets: {DBT_ENV_SECRET_X: warehouse/x#key}
receivers:
  hightouch:
    auth: {header: X-Api-Key}
    id: $.sync.id
    subject: $.sync.model
    status: $.sync.status
    success: [success, 10, true]
  erp:
    auth:
      hmac:
        header: X-Signature
        algorithm: sha256
        encoding: hex
        prefix: "sha256="
        timestamp_header: X-Timestamp
        tolerance: 5m
        signed: "{timestamp}.{body}"
  std: {auth: standard}
  plain: {auth: path}
environments:
  production:
    target: prod
    schema: analytics
    threads: 8
    concurrency: 12
    max_parallel_runs: 4
    pools: {wh_large: 8}
    runners: {max: 4, cpu: 1024, memory: 4096, spot: true}
    variables: {DBT_REGION: us}
    secrets: {PASSWORD: warehouse/prod#password}
    error_classes:
      busy: {match: is being loaded, retry: true, backoff: 30s, longest: 5m, counts: false, group: waiting}
      odd: {match: [odd, strange], fewer_threads: true, larger_runner: false}
jobs:
  load_core: {environment: production, run: [dbt build]}
  alone:
    environment: production
    when:
      fivetran:
        connectors: [salesforce, stripe]
        wait_for: all
        within: 2h
        debounce: 5m
        else_at: "07:00"
        timezone: Europe/Berlin
      airbyte: {connections: [hubspot, jira], wait_for: 1}
      gitlab: {repository: group/sub/project}
      dbt_cloud: {jobs: [123, Nightly], on: [success]}
      schedule: {cron: "0 6 * * 1-5", timezone: Europe/Berlin, dst: next_valid, catch_up: latest}
    reuse: true
  joined:
    environment: production
    owner: data@example.com
    description: Everything at once
    run: [dbt build --select tag:finance+]
    when:
      fivetran: {connectors: [stripe]}
      s3: {bucket: landing, keys: ["erp/*/_SUCCESS"]}
      github: {repository: org/repo, events: [push, pull_request, merge], branches: [main]}
      webhook: {from: [std, hightouch/orders]}
      after: {jobs: [load_core], on: [success, error, cancelled], models: [core/dim_customers]}
      gate: {wait_for: 3, within: 120, debounce: 90s, else_at: "23:59", timezone: UTC}
      schedule:
        - {every: 2h, aligned: wall_clock}
        - {at: [0, 8, "17:30"], days: [mon, fri], dst: skip}
    on_conflict: queue_latest
    max_parallel_runs: 2
    priority: 10
    deactivate_after: 20
    paused: true
    variables: {A: b}
    secrets: {C: warehouse/d#e}
    vars: {day: {type: date, choices: ["2026-01-31"]}, region: {type: text, choices: [eu, us]}}
    retries: {max: 2, on: [transient, waiting], non_idempotent: false, scope: test}
    node_timeout: 30m
    reuse: {unchanged: true, batch_tests: true, code_change: build, volatile: ignore, look_every: 0, silent_after: 36h}
    deadline: {finish_by: "08:00", timezone: Europe/Berlin}
alerts:
  - match: {tag: finance, severity: error}
    send: [{slack: "#finance-data"}]
"""
