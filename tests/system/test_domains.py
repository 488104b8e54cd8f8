"""Several domains, and servers and VMMs that die: each end concerns nobody else."""
import re

import pytest
from shell_output import Answers, parse_json

LEAVE = '\x1d'  # Ctrl-]
CREATE_BOTH = ['create debian-direct name=first', 'create debian-direct name=second']


def console(domain, text, seconds=150):
    return f"wait {domain} console '{text}' {seconds}"


def ask(domain, word):
    """A command typed on DOMAIN's console, whose answer only a running shell gives."""
    return [f"type -c {domain} 'echo {word}-$((40+2))<enter>'", console(domain, f'{word}-42', 20)]


BOTH = [*CREATE_BOTH, console('first', 'CPUS 1'), console('second', 'CPUS 1'), console('first', '# '),
        console('second', '# ')]


@pytest.mark.parametrize('smp', [1, 4])
def test_two_domains(run_commands, smp):
    """Each answers on its own console; the end of one, by `destroy` or by its VMM's death, leaves the other running."""
    status, printed = run_commands([
        *BOTH, *ask('first', 'one'), *ask('second', 'two'), 'list --json', 'destroy first', 'wait first state gone 5',
        *ask('second', 'three'), 'create grub', 'crash second', 'wait second state gone 10', 'log',
        "wait grub screen 'GNU GRUB' 60", 'list'], 400, smp=smp)
    assert status == 0, printed
    answers = Answers(printed)
    assert [d['name'] for d in answers.json('list --json')] == ['Domain-0', 'first', 'second']
    assert 'domain 2 (second) crashed: its VMM died of exception 14' in answers['log']
    assert 'first' not in answers['list'] and 'second' not in answers['list'] and 'grub' in answers['list']


@pytest.mark.parametrize('smp', [1, 4])
def test_servers_are_started_again(boot, smp):
    """The domain manager, then the console server: after each death the domains run on and can be used."""
    host = boot(smp=smp)
    host.shell()
    host.command('create debian-direct')
    host.command(console('debian-direct', 'CPUS 1'), 200)
    host.command(console('debian-direct', '# '), 30)
    for number, server in enumerate(['domain', 'console', 'domain'], 1):
        host.line(f'crash {server}')
        host.expect(rf'{server} is started again, restart \d', 30)
        host.shell(30)
        host.command('')
        domains = parse_json(host.command('list --json'))
        assert [d['name'] for d in domains] == ['Domain-0', 'debian-direct'], server
        for command in ask('debian-direct', f'after{number}'):
            answer = host.command(command)
            assert not answer, answer
    host.command('shutdown -w debian-direct', 60)
    assert 'powered off' in host.command('log')
    host.poweroff()


def test_console_of_two(boot):
    """What is typed reaches the domain whose console is shown; Ctrl-] leads back to the shell."""
    host = boot()
    host.shell()
    for command in BOTH:
        host.command(command, 200)
    for domain in ('first', 'second', 'first'):
        host.line(f'console {domain}')
        host.expect('# ')
        host.line(f'echo {domain}-$((40+2)) >>/tmp/said; echo $(cat /tmp/said)')
        host.expect(f'{domain}-42')
        host.expect('# ')
        host.send(LEAVE)
        host.expect(r'\[left ' + domain)
        host.shell()
    host.line('console first')
    host.expect('# ')
    host.line('cat /tmp/said | tr "\\n" +')
    host.expect(re.escape('first-42+first-42+'))
    host.send('poweroff\r')
    host.expect('domain 1 has ended', 60)
    host.shell()
    assert [d['name'] for d in parse_json(host.command('list --json'))] == ['Domain-0', 'second']
    host.poweroff(60)


@pytest.mark.parametrize('smp', [1, 4])
def test_memory_comes_back(run_commands, smp):
    """Domains that ended, in whatever way, leave the host's memory as it was."""
    one = ['create -q grub', "wait grub screen 'GNU GRUB' 60", 'destroy grub',
           'create -q -p debian-direct vcpus=4 memory=512', 'destroy debian-direct',
           'create -q grub', 'crash grub', 'wait grub state gone 10']
    status, printed = run_commands([*one, 'info --json', *one, *one, 'sleep 1', 'info --json'], 300, smp=smp)
    assert status == 0, printed
    answers = Answers(printed)
    seen = [parse_json(answer) for command, answer in answers.all if command == 'info --json']
    assert seen[0]['domains'] == seen[1]['domains'] == 0
    assert seen[0]['free_memory'] == seen[1]['free_memory']
    assert seen[0]['kernel_pool'] == seen[1]['kernel_pool']


def test_names_and_ids(run_commands):
    status, printed = run_commands([
        'create -p grub', 'rename grub other', 'create -p grub', 'domid grub', 'domid other', 'domname 1',
        'list other grub', 'destroy 1', 'destroy grub', 'create -p grub', 'domid grub'], debian=False)
    assert status == 0, printed
    numbers = [answer.split('\n')[0] for command, answer in Answers(printed).all if command.startswith('dom')]
    assert numbers == ['2', '1', 'other', '3']


def test_ends_as_configured(run_commands):
    """on_crash: preserved domains stay, restarted ones come again under the next number."""
    status, printed = run_commands([
        'create -q grub name=kept on_crash=preserve', 'crash kept', 'wait kept state crashed 10', 'list --json',
        'destroy kept', 'create -q grub name=again on_crash=restart', 'sleep 1', 'crash again', 'sleep 3',
        'wait again state running 20', 'domid again', 'log'], 180, debian=False)
    assert status == 0, printed
    answers = Answers(printed)
    assert answers.json('list --json')[1]['state'] == '----c-'
    assert answers['domid again'].startswith('3\n')
