"""While trees and graphs grow nobody looks for garbage; afterwards all is as before."""

import gc

import pytest

from patterns._collect import paused
from patterns.flow import flow_of
from patterns.flow.template import read


@pytest.fixture(autouse=True)
def _collecting():
    collecting = gc.isenabled()
    yield
    gc.unfreeze()
    (gc.enable if collecting else gc.disable)()


@pytest.mark.parametrize("collecting", [True, False])
def test_collecting_is_paused_inside_and_goes_on_as_before(collecting):
    (gc.enable if collecting else gc.disable)()
    with paused():
        assert not gc.isenabled()
        with paused():
            pass
        assert not gc.isenabled()
    assert gc.isenabled() is collecting


def test_an_error_inside_leaves_collecting_as_it_was():
    gc.enable()
    with pytest.raises(ZeroDivisionError), paused():
        raise ZeroDivisionError
    assert gc.isenabled()


def _is_old(thing):
    return any(one is thing for one in gc.get_objects(generation=2))


def test_what_was_made_inside_is_old_and_not_looked_through_for_the_next_object():
    gc.enable()
    with paused():
        made = [[]]
    assert _is_old(made)
    assert gc.get_freeze_count() == 0


def test_what_somebody_froze_stays_frozen():
    gc.enable()
    frozen = [[]]
    gc.freeze()
    with paused():
        made = [[]]
    assert gc.get_freeze_count() > 0
    assert not _is_old(frozen)
    assert not _is_old(made)


def test_cycles_made_inside_are_still_collected():
    gc.enable()
    flow = flow_of(read({"S": {"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}}}))

    class Cycle:
        gone = False
        me: object = None

        def __del__(self):
            Cycle.gone = True

    with paused():
        cycle = Cycle()
        cycle.me = cycle
    del cycle
    gc.collect()
    assert Cycle.gone
    assert flow.nodes
