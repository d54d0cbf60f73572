"""Pure rules over frozen records: no clock, no environment, no I/O."""
