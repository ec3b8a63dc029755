"""Asynchronous invocation: what cannot be delivered to a function, and what the function cannot process, is kept."""

from patterns.async_dlq.eventbridge import EventBridgeAsync
from patterns.async_dlq.net import AsyncDlq
from patterns.async_dlq.schedule import ScheduleAsync
from patterns.async_dlq.sns import SnsAsync

__all__ = ["AsyncDlq", "EventBridgeAsync", "ScheduleAsync", "SnsAsync"]
