"""What dbt's own process loads: dbt imports every module on its path whose name begins with `dbt_` as a plugin.

Nothing but such modules may lie here, since the folder is put on that process' path.
"""
