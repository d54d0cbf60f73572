"""From a dbt project on this machine to a bundle: copy, set the profile, parse with dbt, pack.

dbt itself is never imported here: it takes seconds, and it belongs to its own process.
"""
