"""Many domains, one after the other and at once: what ends leaves the host as it was, to the page."""
import re
import time

import pytest
from accounts import COPIER, exact
from conftest import CPU, MACHINES
from shell_output import Answers, parse_json

import build

FEW_DOMAINS = 9
DOMAINS_MOST = 250  # INIT_DOMAINS of lib/protocol_init.h
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


def domains(count, debian):
    """Commands that begin and end COUNT domains, in every way in turn, those with DEBIAN only if it is aboard."""
    commands, number = [], 0
    while number < count:
        for ways in ENDS:
            if debian or 'debian' not in ways[0]:
                commands += ways
                number += sum(command.startswith('create') for command in ways)
    return commands


@pytest.mark.parametrize('cpu, smp, count', [
    (CPU, 1, 200), (CPU, 4, 50), ('intel', 1, FEW_DOMAINS), pytest.param(CPU, 4, 1000, marks=pytest.mark.long),
    pytest.param(CPU, 1, 1000, marks=pytest.mark.long)])
def test_domains_in_a_row(run_commands, cpu, smp, count):
    """Nothing is lost, from the first domain on."""
    debian = count > FEW_DOMAINS  # Bochs takes seconds to load it
    status, printed = run_commands(['info --json', *domains(count, debian), 'sleep 1', 'info --json',
                                    'list --json'], 300 + count, cpu=cpu, smp=smp, debian=debian)
    assert status == 0, printed[-3000:]
    answers = Answers(printed)
    before, after = [exact(answer) for command, answer in answers.all if command == 'info --json']
    assert before == after
    assert after['domains'] == 0
    assert [d['name'] for d in answers.json('list --json')] == ['Domain-0']


@pytest.mark.parametrize('count', [34, pytest.param(DOMAINS_MOST, marks=pytest.mark.long)])
def test_many_domains(boot, count):
    """More than slots are made ready for at boot, up to the limit; the next is refused for that reason. All end, and
    nothing of them is left. The domain manager takes them all up again."""
    host = boot(debian=False, memory=2048 if count < 100 else 16384)  # Bochs has 2 GiB at most
    host.shell()
    free = []
    for _ in range(2):
        for number in range(count):
            answer = host.command(f'create -q -p grub memory=8 name=g{number}')
            assert 'create:' not in answer, answer
        if count == DOMAINS_MOST:
            answer = host.command('create -q -p grub memory=8 name=more')
            assert f'there are {DOMAINS_MOST} domains, and there cannot be more' in answer
        host.line('crash domain')
        host.expect('domain is started again')
        host.line('')
        host.shell()
        domains = parse_json(host.command('list --json'))
        assert [domain['name'] for domain in domains] == ['Domain-0'] + [f'g{number}' for number in range(count)]
        said = host.command('destroy nobody')
        assert count < 100 or re.search(r'domains are: g0, .*, g\d+ \.\.\. and \d+ more$', said), said
        for number in range(count):
            host.command(f'destroy g{number}')
        free.append(exact(host.command('info --json')))
    assert free[0] == free[1]


def test_memory_is_used_up_first(boot):
    """The core's pool is enough for as many domains of 64 MiB as a machine of 1024 MiB has memory for."""
    host = boot(memory=1024, debian=False)
    host.shell()
    for number in range(DOMAINS_MOST):
        answer = host.command(f'create -q -p grub name=g{number}')
        if 'create:' in answer:
            break
    assert number >= 13
    assert f'g{number}: too little memory: of its 64 MiB' in answer
    host.poweroff()


# name of a domain with Debian: what is created
FEW = {'cloud': 'debian', 'direct': 'debian-direct vcpus=2'}
MORE = {**FEW, 'full': "debian vcpus=2 'disk=[\"file:debian.iso,hdc:cdrom,r\"]'", 'alone': 'debian-direct'}


@pytest.mark.parametrize('smp, linux', [
    pytest.param(4, FEW, id='4'), pytest.param(1, MORE, id='1-long', marks=pytest.mark.long),
    pytest.param(4, MORE, id='4-long', marks=pytest.mark.long)])
def test_six_at_once(run_commands, guest_files, smp, linux):
    """Firmware and direct boot, one vCPU and two, idle, busy and hostile: all answer, also while the others boot."""
    texts = {f'etc/domains/{name}': COPIER.replace('copier', name) for name in ('copier', 'hostile')}
    files = {f'images/{name}.iso': build.BUILD / f'tests/guests/{name}.iso' for name in ('copier', 'hostile')}
    files['images/debian.iso'] = guest_files / 'debian.iso'
    small = ['grub', 'copier', 'hostile', 'second']
    commands = [f'create -q {what} cap=20' for what in ('grub', 'copier', 'hostile', 'grub name=second')]
    commands += [f'create -q {what} name={name}' for name, what in linux.items()]
    commands += ["wait hostile console 'hostile ready' 60", "type -c hostile 'storm-interrupts<enter>'"]
    for name in linux:
        commands += [f"wait {name} console '# ' 300", f"type -c {name} 'echo {name}-$((40+2))<enter>'",
                     f"wait {name} console '{name}-42' 60"]
    commands += ["wait grub screen 'GNU GRUB' 60", "wait second screen 'GNU GRUB' 60", 'type -c copier x',
                 "wait copier console 'echo x' 60", 'list --json', f'shutdown -w {" ".join(linux)}', 'destroy hostile',
                 'list --json']
    status, printed = run_commands(commands, 500, smp=smp, texts=texts, files=files)
    assert status == 0, printed[-3000:]
    names = [[d['name'] for d in parse_json(answer)]
             for command, answer in Answers(printed).all if command == 'list --json']
    assert names == [['Domain-0', *small, *linux], ['Domain-0', 'grub', 'copier', 'second']]


# What a domain's console says when it is up, a line typed there, and its answer.
COPIES = 'copier round', 'y', 'echo y'
LINUX = '# ', 'echo after-$((40+2))<enter>', 'after-42'


def kill_servers(boot, cpu, smp, times, second):
    """The domain manager and the console, in turn: both domains run on, can be used, and nothing is lost."""
    uses = {'copier': COPIES, second: LINUX if second == 'debian-direct' else COPIES}
    host = boot(cpu=cpu, smp=smp, debian=second == 'debian-direct',
                texts={f'etc/domains/{name}': COPIER.replace('"copier"', f'"{name}"') for name in ('copier', 'other')},
                files={'images/copier.iso': build.BUILD / 'tests/guests/copier.iso'})
    host.shell()
    host.command('create -q copier cap=20')
    host.command(f'create -q {second}' + ' cap=20' * (second == 'other'))
    for name, (up, _, _) in uses.items():
        answer = host.command(f"wait {name} console '{up}' 150", 200)
        assert 'wait:' not in answer, answer
    seen = []
    for number in range(times):
        for server in ('domain', 'console'):
            host.line(f'crash {server}')
            host.expect(rf'{server} is started again, restart {number + 1}\b', 30)
            host.shell(30)
        host.command('')
        if number in (0, times - 1):
            seen.append(exact(host.command('info --json')))
    assert seen[0] == seen[1]
    for name, (_, line, answered) in uses.items():
        for command in (f"type -c {name} '{line}'", f"wait {name} console '{answered}' 20"):
            answer = host.command(command)
            assert not [said for said in answer.split('\n') if said.startswith(('wait:', 'type:'))], answer
    assert [d['domid'] for d in parse_json(host.command('list --json'))] == [0, 1, 2]


@pytest.mark.parametrize('cpu, smp, times, second', [
    (CPU, 1, 20, 'debian-direct'), (CPU, 4, 20, 'debian-direct'), ('intel', 1, 3, 'other')])
def test_servers_killed(boot, cpu, smp, times, second):
    kill_servers(boot, cpu, smp, times, second)


@pytest.mark.long
@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_servers_killed_100_times(boot, cpu, smp):
    kill_servers(boot, cpu, smp, 100, 'debian-direct')


def states(host):
    """None if a line of a log came between, behind which the prompt was drawn again, before the answer."""
    try:
        listed = parse_json(host.command('list --json'))
    except ValueError:
        return None
    return [(d['name'], d['domid'], 'c' if 'c' in d['state'] else 'r') for d in listed]


# on_crash, and what there is after the death of the VMM: name, which of the started ones, state
CRASHES = [('destroy', []), ('restart', [('victim', 2, 'r')]), ('preserve', [('victim', 1, 'c')]),
           ('rename-restart', [('victim-1', 1, 'c'), ('victim', 2, 'r')])]


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_vmm_killed(boot, cpu, smp):
    """Only its own domain ends, and on_crash is obeyed; what it cannot be is refused when the domain is created."""
    host = boot(cpu=cpu, smp=smp, debian=False)
    host.shell()
    host.command('create -q grub name=other')
    for on_crash in ('coredump-destroy', 'coredump-restart'):
        answer = host.command(f'create -q grub name=victim on_crash={on_crash}')
        assert 'on_crash:' in answer and 'needs core dumps, which are not supported yet' in answer
    started = 1
    for on_crash, after in CRASHES:
        host.command(f'create -q grub name=victim on_crash={on_crash}')
        host.command('crash victim')
        wanted = [('Domain-0', 0, 'r'), ('other', 1, 'r')] + [(name, started + nth, how) for name, nth, how in after]
        deadline = time.monotonic() + 10 * host.patience
        while (there := states(host)) != wanted and time.monotonic() < deadline:
            time.sleep(0.2)
        assert there == wanted, on_crash
        for name, _, _ in after:
            host.command(f'destroy {name}')
        started += 1 + ('restart' in on_crash)
