"""The dashboards, in the order in which a question leads from one to the next."""

from dashboards.boards import (
    alerts,
    columns,
    monitor,
    overview,
    performance,
    pipeline,
    quality,
    tenants,
)
from dashboards.panels import Board

BOARDS: tuple[Board, ...] = (
    overview.BOARD,
    monitor.BOARD,
    columns.BOARD,
    performance.BOARD,
    quality.BOARD,
    alerts.BOARD,
    pipeline.BOARD,
    tenants.BOARD,
)
