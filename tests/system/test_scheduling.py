"""Shares of the CPU: weights and caps of domains that could use it all. GRUB's menu waits for a key without HLT."""
import pytest
from shell_output import Answers

pytestmark = pytest.mark.alone

# `list` says tenths of a second; the guests run for SECONDS between two of them.
SECONDS = 10


def times(answer):
    rows = [line.split() for line in answer.split('\n')]
    return {row[0]: float(row[-1]) for row in rows if len(row) == 6 and row[1].isdigit()}


def used(printed):
    """What each domain used between the first and the last `list`."""
    lists = [times(answer) for command, answer in Answers(printed).all if command == 'list']
    return {name: lists[-1][name] - lists[0][name] for name in lists[-1] if name in lists[0]}


def test_weight(run_commands):
    status, printed = run_commands(['create grub name=light cpu_weight=128', 'create grub name=heavy cpu_weight=512',
                                    'sleep 4', 'list', f'sleep {SECONDS}', 'list'], debian=False)
    assert status == 0, printed
    share = used(printed)
    assert share['heavy'] / share['light'] == pytest.approx(4, rel=0.25), share


def test_weight_is_of_the_domain(boot, guest_files):
    """Three virtual CPUs that are busy get no more of a CPU than one of a domain with the same weight."""
    image = guest_files.parent / 'tests/guests/spin.iso'
    host = boot(isos=[image], smp=1, debian=False)
    host.shell(60)
    for name, vcpus in (('one', 1), ('three', 3)):
        assert 'create:' not in host.command(f'create -q spin name={name} vcpus={vcpus} memory=64')
    host.command('sleep 4')
    before = times(host.command('list'))
    host.command(f'sleep {SECONDS}', 60)
    after = times(host.command('list'))
    ratio = (after['three'] - before['three']) / (after['one'] - before['one'])
    assert ratio == pytest.approx(1, rel=0.25), (before, after)


@pytest.mark.parametrize('smp', [1, 4])
def test_cap(run_commands, smp):
    """A cap holds although the CPU has nothing else to do."""
    status, printed = run_commands(['create grub cap=25', 'sleep 3', 'list', f'sleep {SECONDS}', 'list'], smp=smp,
                                   debian=False)
    assert status == 0, printed
    assert used(printed)['grub'] == pytest.approx(SECONDS / 4, rel=0.25)
