"""A hostile guest, beside one that copies data and checks it: no attack harms anybody but the attacker."""
import pathlib
import re
import time

import pytest
from conftest import CPU, MACHINES
from shell_output import parse_json

import build

GUESTS = build.BUILD / 'tests/guests'
CONFIG = '''name = "{name}"
builder = "hvm"
memory = 32
vcpus = {vcpus}
serial = "pty"
boot = "d"
on_poweroff = "destroy"
on_reboot = "destroy"
on_crash = "destroy"
disk = ["file:{name}.iso,hdc:cdrom,r", "ram:4M,hda,w"]
'''
IMAGE = {'texts': {f'etc/domains/{name}': CONFIG.format(name=name, vcpus=vcpus)
                   for name, vcpus in (('hostile', 2), ('copier', 1))},
         'files': {f'images/{name}.iso': GUESTS / f'{name}.iso' for name in ('hostile', 'copier')}}
# tests/guests/hostile.c: attacks that come back, that the machine does not survive, that go on or end somehow.
# Bochs 2.7 panics where it fetches an instruction from an APIC-access page.
RETURN_SOON = ['dma', 'fw_cfg', 'strings', 'instructions', 'jumps', *(['jumps-apic'] if CPU == 'amd' else []), 'memory',
               'tables', 'pci']
RETURN = [*RETURN_SOON, 'msrs', 'ports']
END = ['triple', 'stack', 'root', 'idt', 'reset-64', 'reset-92', 'reset-cf9', 'off']
GO_ON_SMP = ['storm-debug', 'storm-interrupts', 'storm-nmi', 'storm-starts', 'storm-serial', 'storm-vga']
GO_ON = [*GO_ON_SMP, 'control', 'random', 'rom', 'storm-halt', 'storm-log', 'storm-strings']
# The shell answers at once; what it takes is the serial line and the machine that the test runs on.
ANSWER_SECONDS = 2
# dom0/vmm/machine_report.c: a burst, then so many lines a second
VMM_LINES, FIRMWARE_LINES, LINES_A_SECOND = 20, 150, 5


class Attack:
    """A host with the two guests. Each method fails if the innocent one or the shell noticed something."""

    def __init__(self, boot, smp, cpu=CPU):
        self.host = boot(cpu=cpu, smp=smp, debian=False, **IMAGE)
        self.host.shell()
        self.command('create -q copier cap=20')
        self.command("wait copier console 'copier round 32' 60", 70)
        self.letters = 0

    def command(self, text, seconds=60):
        answer = self.host.command(text, seconds)
        wrong = [line for line in answer.split('\n') if line.startswith(text.split()[0] + ': ')]
        assert not wrong, answer
        return answer

    def begin(self):
        self.command('create -q hostile')
        self.command("wait hostile console 'hostile ready' 60", 70)

    def start(self, attack):
        self.command(f"type -c hostile '{attack}<enter>'")

    def nobody_noticed(self):
        """The shell answers soon, the copier has found nothing wrong and goes on."""
        start = time.monotonic()
        self.command('list')
        assert time.monotonic() - start < ANSWER_SECONDS * self.host.patience
        letter = 'abcdefghijklmnopqrstuvwxyz'[self.letters % 26]
        self.letters += 1
        self.command(f'type -c copier {letter}')
        self.command(f"wait copier console 'echo {letter} round' 30", 40)

    def is_there(self, domain):
        return domain in [d['name'] for d in parse_json(self.host.command('list --json'))]


def survive(boot, smp, attacks):
    """The attacks one after the other in one domain, which is there and works afterwards."""
    attack = Attack(boot, smp)
    attack.begin()
    for name in attacks:
        attack.start(name)
        attack.nobody_noticed()
        attack.command(f"wait hostile console '{name} ends' 300", 400)
    attack.nobody_noticed()
    attack.command('destroy hostile')


@pytest.mark.parametrize('smp, attacks', [pytest.param(1, RETURN, id='1'), pytest.param(4, RETURN_SOON, id='4')])
def test_attacks(boot, smp, attacks):
    survive(boot, smp, attacks)


@pytest.mark.long
@pytest.mark.parametrize('smp', [1, 4])
def test_attacks_with_all_values(boot, smp):
    """Every value to every port and MSR; then the others on a machine that this has left in whatever state."""
    survive(boot, smp, ['ports', 'msrs', 'pci'] * 8 + RETURN)


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_attacks_that_end_the_attacker(boot, cpu, smp):
    attack = Attack(boot, smp, cpu)
    for name in END:
        attack.begin()
        attack.start(name)
        attack.command('wait hostile state gone 30', 40)
        attack.nobody_noticed()
    log = attack.command('log')
    assert log.count('(hostile) rebooted: triple fault') == 1
    assert log.count('(hostile) rebooted: the guest asked for a reset') == 3
    assert log.count('(hostile) crashed: an interrupt\'s delivery touches') == 3
    assert log.count('(hostile) powered off') == 1


def go_on(boot, smp, attacks, seconds):
    attack = Attack(boot, smp)
    for name in attacks:
        attack.begin()
        attack.start(name)
        time.sleep(seconds)
        attack.nobody_noticed()
        if attack.is_there('hostile'):
            attack.host.command('destroy hostile')  # which may end at this moment
        attack.command('wait hostile state gone 5')
    attack.nobody_noticed()


@pytest.mark.parametrize('smp, attacks', [pytest.param(1, GO_ON, id='1'), pytest.param(4, GO_ON_SMP, id='4')])
def test_endless_attacks(boot, smp, attacks):
    go_on(boot, smp, attacks, 0.5)


@pytest.mark.long
@pytest.mark.parametrize('smp', [1, 4])
def test_endless_attacks_for_a_while(boot, smp):
    go_on(boot, smp, GO_ON, 30)


@pytest.mark.parametrize('smp', [1, 4])
@pytest.mark.alone
def test_logs_are_limited(boot, smp):
    """A guest gives reason for thousands of lines a second: few are written, and those say how many were not."""
    attack = Attack(boot, smp)
    start = time.monotonic()
    attack.begin()
    attack.start('storm-log')
    time.sleep(3)
    attack.nobody_noticed()
    kept = attack.command('log hostile')
    attack.command('destroy hostile')
    seconds = time.monotonic() - start
    attack.host.log.flush()
    printed = pathlib.Path(attack.host.log.name).read_text()
    lines = re.findall(r'\[hostile\] (?:\((\d+) lines left out\) )?vCPU', printed)
    assert VMM_LINES <= len(lines) <= VMM_LINES + LINES_A_SECOND * seconds
    assert sum(int(left_out or 0) for left_out in lines) > 1000
    # Port 402h, of eight letters a line: these are in the domain's own log only, which tells what was left out as well.
    lines = re.findall(r'^(?:\((\d+) lines left out\) )?x{7}$', kept, re.MULTILINE)
    assert 0 < len(lines) <= FIRMWARE_LINES + LINES_A_SECOND * seconds
    assert sum(int(left_out or 0) for left_out in lines) > 100
