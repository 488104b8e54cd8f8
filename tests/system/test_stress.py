"""Many domains, one after the other and at once: what ends leaves the host as it was, to the page."""
import pytest
from shell_output import Answers, parse_json

EXACT = ('free_pages', 'largest_free_range', 'kernel_pool_used', 'capabilities', 'threads', 'domains')
# Each way to begin and end a domain. Most are of 64 MiB: init clears it.
ENDS = [
    # while it is paused, while its firmware starts, a moment later
    ['create -q -p grub', 'destroy grub'],
    ['create -q grub', 'destroy grub'],
    ['create -q grub memory=16', 'sleep 0.1', 'destroy grub'],
    # with several vCPUs, booted directly or not, paused while it runs
    ['create -q grub vcpus=4', 'pause grub', 'destroy grub'],
    ['create -q debian-direct memory=128 vcpus=2', 'destroy debian-direct'],
    # by the death of its VMM, by what on_crash makes of that
    ['create -q -p grub', 'crash grub', 'wait grub state gone 20'],
    ['create -q grub vcpus=2', 'crash grub', 'wait grub state gone 20'],
    ['create -q grub on_crash=preserve', 'crash grub', 'wait grub state crashed 20', 'destroy grub'],
    # two at once, with a disk in memory
    ['create -q -p grub', "create -q grub name=two 'disk=[\"ram:4M,hda,w\"]'", 'destroy grub', 'destroy two'],
]


def exact(answer):
    facts = parse_json(answer)
    return {name: facts[name] for name in EXACT}


def domains(count):
    """Commands that begin and end COUNT domains, in every way in turn."""
    commands, number = [], 0
    while number < count:
        for ways in ENDS:
            commands += ways
            number += sum(command.startswith('create') for command in ways)
    return commands


@pytest.mark.parametrize('smp, count', [
    (1, 200), (4, 50), pytest.param(4, 1000, marks=pytest.mark.long), pytest.param(1, 1000, marks=pytest.mark.long)])
def test_domains_in_a_row(run_commands, smp, count):
    """Nothing is lost, from the first domain on."""
    status, printed = run_commands(['info --json', *domains(count), 'sleep 1', 'info --json',
                                    'list --json'], 300 + count, smp=smp)
    assert status == 0, printed[-3000:]
    answers = Answers(printed)
    before, after = [exact(answer) for command, answer in answers.all if command == 'info --json']
    assert before == after
    assert after['domains'] == 0
    assert [d['name'] for d in answers.json('list --json')] == ['Domain-0']
