"""How jobs, tasks and accounts read on the wire: what the gateway answers and the actor handle returns."""

from karya.core.views.accounts import IssuedToken, TokenList, TokenView, UserList, Whoami
from karya.core.views.audit import AuditPage, AuditReport, Counts, FindingView
from karya.core.views.jobs import (
    BatchView,
    BulkView,
    ErrorView,
    HookView,
    JobPage,
    JobView,
    Readiness,
    StepView,
    SummaryView,
    TaskPage,
    TaskStory,
    TaskView,
)
from karya.core.views.standing import (
    ChangeView,
    OccurrenceView,
    PreviewView,
    SkipView,
    VersionsView,
    Wait,
    WhyView,
)

__all__ = [
    "AuditPage",
    "AuditReport",
    "BatchView",
    "BulkView",
    "ChangeView",
    "Counts",
    "ErrorView",
    "FindingView",
    "HookView",
    "IssuedToken",
    "JobPage",
    "JobView",
    "OccurrenceView",
    "PreviewView",
    "Readiness",
    "SkipView",
    "StepView",
    "SummaryView",
    "TaskPage",
    "TaskStory",
    "TaskView",
    "TokenList",
    "TokenView",
    "UserList",
    "VersionsView",
    "Wait",
    "Whoami",
    "WhyView",
]
