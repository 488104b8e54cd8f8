"""A legacy guest used by screen and keyboard: GRUB's rescue CD, unmodified, through SeaBIOS."""
import re
import time

import pexpect
import pytest
from shell_output import Answers
from terminal_screen import TerminalScreen

LEAVE = '\x1d'  # Ctrl-]
KEYS = ["type grub 'c'", "wait grub screen 'grub>' 20", "type grub 'ls (cd)/<enter>'",
        "wait grub screen 'boot.catalog' 20", 'screen --dump grub']


@pytest.mark.parametrize('cpu, smp', [('amd', 1), ('amd', 4), ('intel', 1), ('intel-haswell', 1)])
def test_menu_and_keys(run_commands, cpu, smp):
    status, printed = run_commands(['create grub', "wait grub screen 'GNU GRUB' 60", *KEYS, 'destroy grub'],
                                   cpu=cpu, smp=smp, debian=False)
    assert status == 0, printed
    screen = Answers(printed)['screen --dump grub']
    assert 'grub> ls (cd)/' in screen
    assert re.search(r'\bboot/', screen)


def until_shown(host, terminal, text, seconds=60):
    """Feed what HOST prints to TERMINAL until TEXT stands there."""
    deadline = time.monotonic() + seconds
    while text not in terminal.text() and time.monotonic() < deadline:
        if host.serial.expect([r'(?s).+', pexpect.TIMEOUT], timeout=1) == 0:
            terminal.feed(host.serial.match.group())
    assert text in terminal.text(), terminal.text()


def test_interactive_screen(boot):
    """The screen is drawn in the terminal and followed, keys typed there reach the guest, Ctrl-] leaves."""
    host, terminal = boot(debian=False), TerminalScreen()
    host.shell()
    host.command('create grub')
    host.line('screen grub')
    until_shown(host, terminal, 'GNU GRUB')
    host.send('c')
    until_shown(host, terminal, 'grub>')
    for part in ('echo seven ', '$grub_', 'platform'):  # the BIOS keeps 15 keys that nobody has asked for yet
        host.send(part)
        until_shown(host, terminal, part.strip())
    host.send('\r')
    until_shown(host, terminal, '\nseven pc')
    host.send('\x1b[A')  # up: the line before, from GRUB's history
    until_shown(host, terminal, 'seven pc\ngrub> echo seven $grub_platform')
    host.send(LEAVE)
    host.shell()
    dumped = host.command('screen --dump grub')
    shown = [line for line in terminal.text().split('\n') if line]
    assert [line.rstrip() for line in dumped.split('\n')] == shown
    terminal = TerminalScreen()
    host.line('screen grub')  # again, all of it
    until_shown(host, terminal, '\nseven pc')
    host.send(LEAVE)
    host.shell()
    host.command('destroy grub')
    assert 'grub is an invalid domain identifier' in host.command('screen grub')
    host.poweroff()


def test_reset_and_pause(run_commands):
    """`reset` starts the firmware again; a paused guest gets no keys, and goes on where it was."""
    status, printed = run_commands([
        'create grub', "wait grub screen 'GNU GRUB' 60", "type grub 'c'", "wait grub screen 'grub>' 20",
        'pause grub', 'wait grub state paused 5', 'list grub', 'unpause grub', "type grub 'echo on<enter>'",
        "wait grub screen 'echo on' 20", 'reset grub', "wait grub screen 'GNU GRUB' 60",
        "wait grub screen 'highlighted' 60", 'screen --dump grub', 'domid grub', 'regs grub'], debian=False)
    assert status == 0, printed
    answers = Answers(printed)
    assert '--p---' in answers['list grub']
    assert 'echo on' not in answers['screen --dump grub']
    assert answers['domid grub'].startswith('1\n')
    assert re.search(r'gdtr +base', answers['regs grub'])
