"""Every key of the table in docs/configuration.md through the shell: honoured, ignored with a warning, or refused."""
import re

import pytest
from conftest import MACHINES
from shell_output import parse_json

import build

GOOD = 'name = "d"\ntype = "hvm"\nmemory = 64\n'
KEPT = 20  # lines at once: the report of a configuration has room for 24
HONOURED = {'name': 'keys', 'uuid': '01234567-89ab-cdef-0123-456789abcdef', 'memory': 96, 'vcpus': 2, 'boot': 'dc',
            'acpi': 0, 'apic': 0, 'localtime': 1, 'cpu_weight': 512, 'cap': 150, 'on_poweroff': 'preserve',
            'on_reboot': 'destroy', 'on_crash': 'rename-restart', 'serial': 'pty'}


def rows(kind):
    """(key, reason) of the table's lines of that class."""
    text = (build.ROOT / 'docs/configuration.md').read_text()
    found = re.findall(r'^\| `(\w+)` \| [^|]+ \| ([^|]+) \| [^|]+ \| ([^|]+) \|$', text, re.MULTILINE)
    return [(key, reason) for key, what, reason in found if what == kind]


@pytest.mark.parametrize('cpu, smp', MACHINES)
def test_keys_end_to_end(boot, cpu, smp):
    texts, wanted = {}, {}
    for kind, words in (('ignored with a warning', 'warning: {}: has no effect: {}'),
                        ('refused', '{}: not supported yet: {}')):
        keys = rows(kind)
        assert len(keys) > 50
        for start in range(0, len(keys), KEPT):
            name = f'{kind[:7]}{start}'
            part = keys[start:start + KEPT]
            texts[f'etc/domains/{name}'] = GOOD + ''.join(f'{key} = ["x"]\n' for key, _ in part)
            wanted[name] = [f'etc/domains/{name}:{line}: {words.format(key, reason)}'
                            for line, (key, reason) in enumerate(part, 4)]
    texts['etc/domains/keys'] = 'type = "hvm"\n' + ''.join(
        f'{key} = {value}\n' if isinstance(value, int) else f'{key} = "{value}"\n' for key, value in HONOURED.items())
    host = boot(cpu=cpu, smp=smp, texts=texts, debian=False)
    host.shell()
    missing = []
    for name, lines in wanted.items():
        answer = host.command(f'create -n {name}')
        missing += [line for line in lines if line not in answer]
        assert ('nothing was created' in answer) == name.startswith('refused')
    assert not missing, '\n'.join(missing)
    document = parse_json(host.command('create -n keys'))
    assert {key: document[key] for key in HONOURED} == HONOURED
    host.poweroff()
