"""A legacy guest used by screen and keyboard: GRUB's rescue CD, unmodified, through SeaBIOS."""
import re

import pytest
from shell_output import Answers

LEAVE = '\x1d'  # Ctrl-]
KEYS = ["type grub 'c'", "wait grub screen 'grub>' 20", "type grub 'ls (cd)/<enter>'", "wait grub screen 'boot.catalog' 20",
        'screen --dump grub']


@pytest.mark.parametrize('smp', [1, 4])
def test_menu_and_keys(run_commands, smp):
    status, printed = run_commands(['create grub', "wait grub screen 'GNU GRUB' 60", *KEYS, 'destroy grub'], smp=smp)
    assert status == 0, printed
    screen = Answers(printed)['screen --dump grub']
    assert 'grub> ls (cd)/' in screen
    assert re.search(r'\bboot/', screen)


def test_interactive_screen(boot):
    """The screen is drawn in the terminal and followed, keys typed there reach the guest, Ctrl-] leaves."""
    host = boot()
    host.shell()
    host.command('create grub')
    host.line('screen grub')
    host.expect('GNU GRUB', 60)
    host.send('c')
    host.expect('grub> ')
    host.send('echo seven $grub_platform\r')
    host.expect('seven pc')
    host.send('\x1b[A')  # up: the line before, from GRUB's history
    host.expect('echo seven')
    host.send(LEAVE)
    host.shell()
    assert 'seven pc' in host.command('screen --dump grub')
    host.line('screen grub')  # again, all of it
    host.expect('seven pc')
    host.send(LEAVE)
    host.shell()
    host.command('destroy grub')
    host.line('screen grub')
    host.expect('grub is an invalid domain identifier')
    host.shell()
    host.poweroff()


def test_reset_and_pause(run_commands):
    """`reset` starts the firmware again; a paused guest gets no keys, and goes on where it was."""
    status, printed = run_commands([
        'create grub', "wait grub screen 'GNU GRUB' 60", "type grub 'c'", "wait grub screen 'grub>' 20",
        'pause grub', 'wait grub state paused 5', 'list grub', 'unpause grub', "type grub 'echo on<enter>'",
        "wait grub screen 'echo on' 20", 'reset grub', "wait grub screen 'GNU GRUB' 60",
        "wait grub screen 'highlighted' 60", 'screen --dump grub', 'domid grub', 'regs grub'])
    assert status == 0, printed
    answers = Answers(printed)
    assert '--p---' in answers['list grub']
    assert 'echo on' not in answers['screen --dump grub']
    assert answers['domid grub'].startswith('1\n')
    assert re.search(r'gdtr +base', answers['regs grub'])
