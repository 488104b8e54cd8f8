"""memtest86+ 6.10, the 64-bit and the 32-bit build at once in two domains of 64 MiB: a pass finds no errors."""
import re

import pytest
from shell_output import Answers

BUILDS = ['memtest-x64', 'memtest-ia32']
CONFIG = '''name = "{name}"
builder = "hvm"
memory = 64
vcpus = {vcpus}
disk = ["file:{name}.iso,hdc:cdrom,r"]
boot = "d"
'''
# What is typed once the text stands on the screen. Test 10, bit fade, is taken out, as it only waits, for minutes.
SELECT = [('<F1> Configuration', '<f1>'), ('<F1>  Test selection', '<f1>')]
ALL_BUT_BIT_FADE = [('<F2>  Remove one test', '<f2>'), ('Enter test #', '10<enter>'), ('*.********.', '<f10>')]
FIRST_TESTS = [('<F1>  Clear selection', '<f1>'), ('...........', '<f4>'), ('Enter first test #', '0<enter>'),
               ('Enter last test #', '3<enter>'), ('****.......', '<f10>')]
START = [('<F2>  Address range', '<f10>')]
BIT_FADE = 'Test #10'
# Two builds on two cores take 45 s; on one CPU, or with others at work, several times that.
PASS_SECONDS = 300


def counts(screen):
    """Passes and errors, as the line of results on memtest86+'s screen says; nothing else counts as an answer."""
    found = re.findall(r'Pass: +(\d+) +Errors: (\d+) *$', screen, re.MULTILINE)
    assert len(found) == 1, f'no line of results:\n{screen}'
    return int(found[0][0]), int(found[0][1])


def both(command):
    """COMMAND for each build: in step, as the two are to test at the same time."""
    return [command.format(build) for build in BUILDS]


def a_pass(run_commands, guest_files, tests, smp, vcpus):
    commands = both('create {}')
    for text, keys in SELECT + tests + START:
        commands += both(f"wait {{}} screen '{text}' 60") + both(f"type {{}} '{keys}'")
    commands += both(f"wait {{}} screen 'Pass:  1' {PASS_SECONDS}") + both('screen --dump {}')
    status, printed = run_commands([*commands, 'vcpu-list', 'log'], 2 * PASS_SECONDS, smp=smp, debian=False,
                                   isos=[guest_files / f'{build}.iso' for build in BUILDS],
                                   texts={f'etc/domains/{b}': CONFIG.format(name=b, vcpus=vcpus) for b in BUILDS})
    assert status == 0, printed
    assert BIT_FADE not in printed
    assert 'not emulated' not in printed
    return Answers(printed)


def check(answers, threads):
    for build in BUILDS:
        screen = answers[f'screen --dump {build}']
        assert counts(screen) == (1, 0), screen
        assert 'Status: Pass' in screen
        assert re.search(rf'SMP: {threads}', screen), screen


def test_results_that_are_no_pass():
    """What check() has to refuse: errors, no pass yet, and a screen that does not say."""
    assert counts('Using: All │ Pass:  1        Errors: 3      \n') == (1, 3)
    assert counts('Using: All │ Pass:  0        Errors: 0') == (0, 0)
    for screen in ('Pass:           Errors:\n', 'Pass 10% ####\nTest #5\n', ''):
        with pytest.raises(AssertionError):
            counts(screen)


@pytest.mark.qemu  # Bochs needs a quarter of an hour
def test_pass_4_cpus(run_commands, guest_files):
    check(a_pass(run_commands, guest_files, ALL_BUT_BIT_FADE, smp=4, vcpus=1), 'Disabled')


@pytest.mark.parametrize('smp', [1, 4])
def test_first_tests_2_vcpus(run_commands, guest_files, smp):
    """memtest86+ starts the second CPU itself and tests with both."""
    check(a_pass(run_commands, guest_files, FIRST_TESTS, smp=smp, vcpus=2), r'2T \(PAR\)')


@pytest.mark.long
@pytest.mark.parametrize('smp, vcpus, threads', [(1, 1, 'Disabled'), (1, 2, r'2T \(PAR\)'), (4, 2, r'2T \(PAR\)')])
def test_pass(run_commands, guest_files, smp, vcpus, threads):
    check(a_pass(run_commands, guest_files, ALL_BUT_BIT_FADE, smp=smp, vcpus=vcpus), threads)
