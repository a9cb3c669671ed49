"""Pure: entities, schedules, state machine, retries, errors, settings, ports. No I/O, no clock reads."""
