"""Models of races between CPUs, part of the suite proof: Spin looks at all interleavings of each tests/models/*.pml.

Each `#ifdef BUG_X // what` (or #ifndef) in a model is a seeded bug: with BUG_X defined, Spin must find an error.
"""
import re
import subprocess
import tempfile
import time

import build
from suites import Result, tail

MODELS = build.ROOT / 'tests/models'
BUG = re.compile(r'^#ifn?def (BUG_\w+) // (.+)$', re.M)
TIMEOUT = 300
DEPTH = 1000000


def search(path, define=None):
    """(errors, states, output) of the whole search; errors is None if it did not come to its end."""
    define = [f'-D{define}'] if define else []
    with tempfile.TemporaryDirectory(prefix='bulkhead-model-') as directory:
        text = ''
        for command in (['spin', *define, '-a', str(path)], ['clang', '-O1', '-w', '-DSAFETY', '-o', 'pan', 'pan.c'],
                        ['./pan', f'-m{DEPTH}']):
            try:
                run = subprocess.run(command, cwd=directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                     text=True, timeout=TIMEOUT)
            except subprocess.TimeoutExpired:
                return None, 0, f'{text}still not done after {TIMEOUT} s'
            text += run.stdout
            if run.returncode:
                return None, 0, text
    found = re.search(r'errors: (\d+)', text)
    states = re.search(r'(\d+) states, stored', text)
    if not found or not states or 'max search depth too small' in text:
        return None, 0, text
    return int(found.group(1)), int(states.group(1)), text


def check(path, define=None, what=None):
    """One search: no error may be found, but with a bug one has to be."""
    start = time.monotonic()
    title = f'proof/spin-{path.stem}' + (f'-{define[4:].lower()}' if define else '')
    errors, states, output = search(path, define)
    (build.BUILD / f'logs/{title.replace("/", "-")}.log').write_text(output)
    seconds = time.monotonic() - start
    if errors is None or (errors and not define):
        return Result(title, 'failed', seconds, tail(output))
    if define and not errors:
        return Result(title, 'failed', seconds, f'no error is found in spite of the bug: {what}')
    return Result(title, 'passed', seconds, f'found, as it should be: {what}' if define else f'{states} states')


def models(match):
    for path in sorted(MODELS.glob('*.pml')):
        if match not in f'spin-{path.stem}':
            continue
        bugs = BUG.findall(path.read_text())
        if not bugs:
            yield Result(f'proof/spin-{path.stem}', 'failed', 0, 'has no seeded bug that shows that errors are found')
            continue
        yield check(path)
        for define, what in bugs:
            yield check(path, define, what)
