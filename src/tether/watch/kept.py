"""Detached instances in things that live as long as the process: looked for once, when the watch ends."""

from __future__ import annotations

import gc
import sys
from collections import deque
from collections.abc import Iterator
from functools import _lru_cache_wrapper
from types import ModuleType
from typing import Any, Final

from sqlalchemy.orm import InstanceState

from tether.orm import private
from tether.watch.events import InstanceKept
from tether.watch.recorder import Recorder
from tether.watch.site import USER

MAXIMUM_OBJECTS: Final = 2_000  # looked at below one name of one module: one row of a cache tells the story
_DEPTH: Final = 3
_CONTAINERS = (list, tuple, set, frozenset, dict, deque)


def report_kept(recorder: Recorder) -> None:
    """Publish each detached instance that a module-level container, a class or a cache of the program holds.

    A plain name at the top of a script is not reported: it is how scripts are written.
    """
    for module in list(sys.modules.values()):
        if _is_of_program(recorder, module):
            for keeper, state in _held_by(module):
                if state.session is None and state.key is not None:
                    facts = recorder.instance(state)
                    if facts.loaded.known and facts.detached is not None:
                        recorder.publish(InstanceKept(facts, keeper), facts.class_path)


def _is_of_program(recorder: Recorder, module: object) -> bool:
    path = getattr(module, "__file__", None) if isinstance(module, ModuleType) else None
    if not path:
        return False
    kinds = recorder.sites.kinds
    return (kinds[path] if path in kinds else recorder.sites.classify(path)) == USER


def _held_by(module: ModuleType) -> Iterator[tuple[str, InstanceState[Any]]]:
    for name, value in list(vars(module).items()):
        budget = [MAXIMUM_OBJECTS]
        keeper = f"{module.__name__}.{name}"
        if isinstance(value, _CONTAINERS):
            yield from _inside(keeper, value, budget, _DEPTH)
        elif isinstance(value, _lru_cache_wrapper):
            yield from _inside(f"the lru_cache of {keeper}", _cached(value), budget, _DEPTH)
        elif isinstance(value, type) and value.__module__ == module.__name__:
            for attribute, held in list(vars(value).items()):
                yield from _inside_class(f"{keeper}.{attribute}", held, budget)


def _inside_class(keeper: str, held: Any, budget: list[int]) -> Iterator[tuple[str, InstanceState[Any]]]:
    function = getattr(held, "__func__", held)
    if isinstance(function, _lru_cache_wrapper):
        yield from _inside(f"the lru_cache of {keeper}", _cached(function), budget, _DEPTH)
    else:
        yield from _inside(keeper, [held], budget, _DEPTH)


def _elements(container: Any) -> list[Any]:
    """Return what a container holds, by the built-in type's own methods: a subclass's are the program's code."""
    if isinstance(container, dict):
        return list(dict.values(container))
    iterate: Any = next((kind.__iter__ for kind in _CONTAINERS if isinstance(container, kind)), iter)
    return list(iterate(container))


def _cached(wrapper: Any) -> list[Any]:
    return gc.get_referents(wrapper)  # its results are among them


def _inside(
    keeper: str, container: Any, budget: list[int], depth: int
) -> Iterator[tuple[str, InstanceState[Any]]]:
    for value in _elements(container):
        if budget[0] <= 0:
            return
        budget[0] -= 1
        state = private.state_of_anything(value)
        if state is not None:
            yield keeper, state
        elif depth and isinstance(value, _CONTAINERS):
            yield from _inside(keeper, value, budget, depth - 1)
