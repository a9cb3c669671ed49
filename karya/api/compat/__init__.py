"""The routes of upstream Karya, for its existing clients: a translation onto the native model, no more.

Upstream's word for a job is "plan"; it is used in this package alone (docs/reference/upstream-api.md).
"""
