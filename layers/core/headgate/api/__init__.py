"""The HTTP API: what each route takes, does and answers with. functions/serve_api hands requests in.

route.py says what a route is; runs.py, jobs.py and events.py hold them; requests.py and answers.py are their bodies as
pydantic models; router.py finds the route of a request and turns every outcome into an answer; openapi.py writes the
same routes down as docs/openapi.json.
"""
