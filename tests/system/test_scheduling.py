"""Shares of the CPU: weights and caps of domains that could use it all. GRUB's menu waits for a key without HLT."""
import pytest
from conftest import MACHINES
from shell_output import Answers, parse_json

# The guests run for SECONDS between two looks at what they used.
SECONDS = 4


def timed(*smp):
    """Those of MACHINES with SMP processors. QEMU's clock is the host's; Bochs' is its instructions, for which no
    other test makes a difference."""
    return [pytest.param(*machine, marks=[pytest.mark.alone] if machine[0] == 'amd' else [])
            for machine in MACHINES if machine[1] in smp]


def times(answer):
    rows = [line.split() for line in answer.split('\n')]
    return {row[0]: float(row[-1]) for row in rows if len(row) == 6 and row[1].isdigit()}


LOOK = 'vcpu-list --json'


def used(answers):
    """The seconds that each domain used between the first and the last LOOK, all of one vCPU."""
    looks = [{vcpu['name']: vcpu['time_ns'] / 1e9 for vcpu in parse_json(answer)}
             for command, answer in answers.all if command == LOOK]
    return {name: looks[-1][name] - looks[0][name] for name in looks[-1]}


@pytest.mark.parametrize('cpu, smp', timed(1))
def test_weight(run_commands, cpu, smp):
    status, printed = run_commands(['create grub name=light cpu_weight=128', 'create grub name=heavy cpu_weight=512',
                                    'sleep 4', LOOK, f'sleep {SECONDS}', LOOK], cpu=cpu, smp=smp, debian=False)
    assert status == 0, printed
    share = used(Answers(printed))
    assert share['heavy'] / share['light'] == pytest.approx(4, rel=0.25), share


@pytest.mark.alone
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


@pytest.mark.parametrize('cpu, smp', timed(1, 4))
def test_cap(run_commands, cpu, smp):
    """A cap holds although the CPU has nothing else to do."""
    look = [LOOK, 'uptime --json']
    status, printed = run_commands(['create grub cap=25', 'sleep 3', *look, f'sleep {SECONDS}', *look], cpu=cpu,
                                   smp=smp, debian=False)
    assert status == 0, printed
    answers = Answers(printed)
    start, end = (parse_json(answer)[0]['ms'] / 1000 for command, answer in answers.all if command == look[1])
    assert used(answers)['grub'] == pytest.approx((end - start) / 4, rel=0.25)
