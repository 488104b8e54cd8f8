"""dom0's shell: banner, help, tables and JSON, errors, exit statuses, line editing, the end of the host."""
import re
import subprocess

import pexpect
import pytest
from conftest import BOCHS_PATIENCE, CPU, MACHINES, PATIENCE
from shell_output import Answers, parse_json

import build

# number of CPUs, firmware UEFI instead of BIOS
BOOTS = [pytest.param(1, False, id='1-CPU'), pytest.param(4, False, id='4-CPUs'),
         # For Bochs' machine UEFI's firmware has no ACPI tables: see test_firmware_leaves_vtx_to_us
         pytest.param(2, True, id='UEFI', marks=pytest.mark.qemu)]


@pytest.mark.parametrize('smp, uefi', BOOTS)
def test_banner_and_poweroff(boot, smp, uefi):
    host = boot(smp=smp, uefi=uefi)
    host.expect(r'Bulkhead [0-9.]+\. help lists the verbs', 120)
    host.shell()
    facts = parse_json(host.command('info --json'))
    assert facts['nr_cpus'] == smp
    assert facts['virtualization'].startswith('AMD-V' if host.cpu == 'amd' else 'VT-x')
    assert 0 < facts['free_memory'] < facts['total_memory'] <= 2048
    host.poweroff()
    assert '[init] power off' in host.serial.before


def test_restart(boot):
    host = boot(reboot=True, debian=False)
    host.shell()
    host.line('restart')
    host.expect(r'Bulkhead [0-9.]+\. help lists the verbs', 120)
    host.shell()
    assert 'up' not in host.command('list')
    host.poweroff()


def documented_verbs():
    text = (build.ROOT / 'docs/shell.md').read_text()
    return re.findall(r'^\| \[([a-z-]+)\]\(#', text, re.MULTILINE)


def test_help(boot):
    host = boot(debian=False)
    host.shell()
    listed = re.findall(r'^  ([a-z-]+) +\w', host.command('help'), re.MULTILINE)
    assert listed == documented_verbs()
    for verb in listed:
        assert host.command(f'help {verb}').startswith(verb), verb
    host.poweroff()


def test_editing(boot):
    host = boot(debian=False)
    host.shell()
    assert host.command('echo one') == 'one'
    host.send('\x1b[A')  # up: the line before
    host.expect('echo one')
    host.send('\x7f\x7f\x7ftwo\r')
    host.expect(r'\ntwo\r')
    host.shell()
    host.send('upt\t')
    host.expect('uptime')
    host.line('')
    host.shell()
    assert 'Domain-0' in ''.join(host.serial.before)
    host.send('rubbish\x15')  # Ctrl-U
    assert host.command('echo three') == 'three'
    host.send('\x03')
    host.shell()
    host.line('sleep 1000')
    host.expect('\n')
    host.send('\x03')
    host.expect('sleep: interrupted')
    host.shell()
    host.line('echo four; echo five # and no more')
    host.expect(r'\nfour\r?\nfive\r?\n')
    host.shell()
    host.poweroff()


TABLES = ['info', 'list', 'list -l', 'vcpu-list', 'uptime', 'files', 'counters', 'top -b -n 1', 'list grub',
          'uptime grub']


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_tables(run_commands, cpu, smp):
    commands = ['create -p grub'] + TABLES
    commands += [f'{table} --json' for table in TABLES if table != 'list -l'] + ['xl domid grub', 'xm domname 1']
    status, printed = run_commands(commands, cpu=cpu, smp=smp, debian=False)
    answers = Answers(printed)
    assert status == 0, printed
    assert answers.json('info --json')['nr_cpus'] == smp
    assert [d['name'] for d in answers.json('list --json')] == ['Domain-0', 'grub']
    assert answers.json('list grub --json') == [{'name': 'grub', 'domid': 1, 'memory': 64, 'vcpus': 1,
                                                 'state': '--p---', 'time': 0.0}]
    assert answers.json('list -l')[0]['config']['memory'] == 64
    assert [v['vcpu'] for v in answers.json('vcpu-list --json')] == [0]
    assert [d['name'] for d in answers.json('uptime --json')] == ['Domain-0', 'grub']
    assert 'images/grub.iso' in [f['name'] for f in answers.json('files --json')]
    assert {'syscalls', 'calls', 'switches'} <= {c['counter'] for c in answers.json('counters --json')}
    assert [d['name'] for d in answers.json('top -b -n 1 --json')][-1] == 'grub'
    assert re.search(r'^grub +1 +64 +1 --p---', answers['list'], re.MULTILINE)
    assert re.search(r'^nr_cpus +: ' + str(smp) + r'$', answers['info'], re.MULTILINE)
    assert answers['xl domid grub'].startswith('1\n')
    assert answers['xm domname 1'].startswith('grub\n')


@pytest.mark.parametrize('commands, wanted, missing', [
    (['echo one', 'domid nobody', 'echo two'], 1, 'two\n'),
    (['echo one', 'nonsense', 'echo two'], 2, 'two\n'),
    (['echo one; sleep 0.1', 'echo "two; three"'], 0, None)], ids=['failed', 'no-command', 'good'])
def test_exit_status(run_commands, commands, wanted, missing):
    status, printed = run_commands(commands, debian=False)
    assert status == wanted
    assert '\none\n' in printed.replace('\r', '')
    assert not missing or '\n' + missing not in printed.replace('\r', '')


def run_script(*options, seconds=180):
    return subprocess.run([build.ROOT / 'scripts/run', *options], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, errors='replace', timeout=seconds * PATIENCE)


def option_id(value):
    return '-'.join(value).strip('-').replace('/', '-') if isinstance(value, list) else ''


@pytest.mark.parametrize('options, message', [
    (['--smp', '0'], "'0' is not a number from 1 to 64"),
    (['--smp', 'many'], "'many' is not a number"),
    (['--memory', '1'], "'1' is not a number"),
    (['--cpu', 'sparc'], "invalid choice: 'sparc'"),
    (['--cpu', 'intel', '--gdb'], 'Bochs always counts instructions'),
    (['--iso', '/does/not/exist.iso'], "there is no file '/does/not/exist.iso'"),
    (['--config', '/does/not/exist'], "there is no file '/does/not/exist'"),
    (['--icount', '--smp', '2'], '--icount needs --smp 1'),
    (['--timeout', '-1'], 'timeout'),
    (['--nonsense'], 'unrecognized arguments: --nonsense'),
    (['extra'], 'unrecognized arguments: extra')], ids=option_id)
def test_run_refuses(options, message):
    run = run_script(*options)
    assert run.returncode == 2
    assert message in run.stdout


@pytest.mark.parametrize('commands, timeout, status, message', [
    ("echo hello; create -n grub", 120, 0, '"name": "grub"'),
    ('domid nobody', 120, 1, 'nobody is an invalid domain identifier'),
    ('sleep 86400', 6, 124, 'sleep 86400')], ids=['good', 'failed', 'timeout'])
def test_run_commands(commands, timeout, status, message):
    # The host has to get as far as its shell in this time, however slow the machine is. Bochs' clock runs ahead while
    # its CPU halts: 1,000 seconds had passed in 30.
    seconds = int(timeout * PATIENCE * (1 if CPU == 'amd' else BOCHS_PATIENCE))
    run = run_script('--cpu', CPU, '--headless', '--commands', commands, '--timeout', str(seconds), seconds=2 * seconds)
    assert message in run.stdout
    assert run.returncode == status, run.stdout


@pytest.mark.qemu  # test_vtx.py has another for Bochs
def test_run_interactive(tmp_path):
    """On a terminal, with an ISO and a configuration of one's own aboard."""
    config = tmp_path / 'mine.cfg'
    config.write_text('name = "mine"\nbuilder = "hvm"\nmemory = 64\n')
    run = pexpect.spawn(str(build.ROOT / 'scripts/run'), ['--config', str(config), '--smp', '2'], encoding='utf-8',
                        codec_errors='replace', timeout=120)
    run.expect('Bulkhead boots')
    run.expect('bulkhead> ')
    run.send('create -n mine\r')
    run.expect('"name": "mine"')
    run.expect('bulkhead> ')
    run.send('poweroff\r')
    run.expect(pexpect.EOF, timeout=60)
    run.close()
    assert run.exitstatus == 0
