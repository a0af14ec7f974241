"""How many requests may be under way, and how many a second: for one process, or for all of a Slurm array."""

from mmearth_core.budget.interface import RequestBudget
from mmearth_core.budget.live import LiveTask, live_tasks
from mmearth_core.budget.local import LocalBudget
from mmearth_core.budget.shared import SharedBudget

__all__ = ["LiveTask", "LocalBudget", "RequestBudget", "SharedBudget", "live_tasks"]
