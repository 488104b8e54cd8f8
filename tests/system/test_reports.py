"""What breaks leaves a report that names functions and lines of the source."""
import re

import build
import pytest

PLACE = re.compile(r'(at|called from|inlined in) (?:0x[0-9a-f]+ )?(\w+) \(([\w./-]+):(\d+)\)')


def places(text):
    """[(how, function, file, line)] of the report in TEXT."""
    return [(how, function, file, int(line)) for how, function, file, line in PLACE.findall(text)]


def check_places(report):
    """Every place is one of the source: the function is there above that line; what it called inline, on it."""
    found = places(report)
    assert found and found[0][0] == 'at', report
    for (how, function, file, line), (_, inner, _, _) in zip(found, [found[0], *found]):
        source = (build.ROOT / file).read_text().split('\n')
        assert any(re.search(rf'\b{function}\b', text) for text in source[:line]), (function, file, line)
        if how == 'inlined in':
            assert any(inner in text for text in source[line - 1:line + 3]), (inner, function, file, line)
    return [function for _, function, _, _ in found]


@pytest.mark.parametrize('smp', [1, 4])
def test_server_fault(boot, smp):
    """A server without its code, and a VMM: init reports each fault, and the host goes on."""
    host = boot(smp=smp)
    host.shell()
    host.command('create -q grub vcpus=2')
    for name, who, function, end in (
            ('grub', 'the VMM of domain grub', 'control_serve', r'_start \('),
            ('console', 'console', 'server_main', 'console is started again, restart 1'),
            ('domain', 'domain', 'verb_crash', 'domain is started again, restart 1')):
        host.line(f'crash {name}')
        host.expect(rf'{who} has ended: page fault \(vector 14, error code 0x14, address (0x[0-9a-f]+)\)')
        address = host.serial.match.group(1)
        host.expect(end)
        report = host.serial.before
        assert f'at {address} ' in report
        assert function in check_places(report), report
        host.shell()
    assert 'bulkhead' in host.command('info')
    host.poweroff()
