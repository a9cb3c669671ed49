"""A package, so that the Ray of its tests ends with the last of them: a process has only one."""
