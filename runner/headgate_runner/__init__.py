"""The runner: one ECS task that builds its share of a step with dbt, in process. The only importer of dbt."""
