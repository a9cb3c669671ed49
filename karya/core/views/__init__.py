"""How jobs, tasks and accounts read on the wire: what the gateway answers and the actor handle returns."""

from karya.core.views.accounts import IssuedToken, TokenList, TokenView, UserList, Whoami
from karya.core.views.audit import AuditPage, AuditReport, Counts, FindingView
from karya.core.views.jobs import (
    BatchView,
    BulkView,
    CheckedView,
    CheckView,
    HookView,
    JobPage,
    JobView,
    NamesakeView,
    Readiness,
    StepView,
    SummaryView,
)
from karya.core.views.overview import OverviewView
from karya.core.views.standing import (
    ChangeView,
    JobStory,
    OccurrenceView,
    PreviewView,
    SkipView,
    TaskStanding,
    VersionsView,
    Wait,
    WhyView,
)
from karya.core.views.tasks import ErrorPage, ErrorView, TaskPage, TaskStory, TaskView

__all__ = [
    "AuditPage",
    "AuditReport",
    "BatchView",
    "BulkView",
    "ChangeView",
    "CheckView",
    "CheckedView",
    "Counts",
    "ErrorPage",
    "ErrorView",
    "FindingView",
    "HookView",
    "IssuedToken",
    "JobPage",
    "JobStory",
    "JobView",
    "NamesakeView",
    "OccurrenceView",
    "OverviewView",
    "PreviewView",
    "Readiness",
    "SkipView",
    "StepView",
    "SummaryView",
    "TaskPage",
    "TaskStanding",
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
