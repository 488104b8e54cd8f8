"""The suites unit, fuzz, system, long and bench. Each yields a Result per test."""
import collections
import concurrent.futures
import json
import os
import re
import subprocess
import sys
import tempfile
import time

import build

Result = collections.namedtuple('Result', 'name outcome seconds detail', defaults=('',))
LOGS = build.BUILD / 'logs'
FUZZ_SECONDS = 10
MOST_DETAIL = 300
TESTS = build.ROOT / 'tests'


def tail(text, lines=30):
    return '\n'.join(text.rstrip().split('\n')[-lines:])


def built(suite, names):
    """Build the programs NAMES of tests/SUITE, as many as can be; a Result for each that does not build."""
    targets = [f'tests/{suite}/{name}' for name in names]
    if not targets or build.ninja('-k', '0', *targets) == 0:
        return
    for name, target in zip(names, targets):
        one = subprocess.run(['ninja', '-C', str(build.BUILD), target], stdout=subprocess.PIPE, text=True)
        if one.returncode:
            yield Result(f'{suite}/{name}', 'failed', 0, f'does not build:\n{tail(one.stdout)}')


def programs(suite, prefix, match):
    """Names of the programs that tests/SUITE/meson.build registers; sources that it does not register are an error."""
    build.ninja('build.ninja')
    listed = json.loads(subprocess.run(['meson', 'introspect', '--targets', str(build.BUILD)], check=True,
                                       stdout=subprocess.PIPE, text=True).stdout)
    folder = str(TESTS / suite / 'meson.build')
    names = sorted(t['name'] for t in listed if t['defined_in'] == folder and t['type'] == 'executable')
    sources = sorted(p.stem for p in (TESTS / suite).glob(f'{prefix}*.c'))
    forgotten = [s for s in sources if s not in names]
    return [n for n in names if match in n], [s for s in forgotten if match in s]


def unregistered(suite, names):
    for name in names:
        yield Result(f'{suite}/{name}', 'failed', 0,
                     f'is not in tests/{suite}/meson.build, or sources of it are missing')


def unit(match):
    names, forgotten = programs('unit', 'test_', match)
    yield from unregistered('unit', forgotten)
    broken = {}
    for result in built('unit', names):
        broken[result.name] = result
        yield result
    for name in names:
        if f'unit/{name}' not in broken:
            yield unit_program(name)


def unit_program(name):
    start = time.monotonic()
    try:
        run = subprocess.run([build.BUILD / 'tests/unit' / name], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             cwd=build.ROOT, env=dict(os.environ, SOURCE_ROOT=str(build.ROOT)), timeout=120)
        output, status = run.stdout.decode(errors='replace'), run.returncode
    except subprocess.TimeoutExpired as expired:
        output, status = (expired.stdout or b'').decode(errors='replace') + '\nstill running after 120 s', -1
    (LOGS / f'unit-{name}.log').write_text(output)
    seconds = time.monotonic() - start
    cases = len(re.findall(r'^\[       OK \]', output, re.M))
    if status == 0 and cases:
        return Result(f'unit/{name}', 'passed', seconds, f'{cases} cases')
    return Result(f'unit/{name}', 'failed', seconds, tail(output) + f'\nexit status {status}, {cases} cases good')


def fuzz(match):
    names, forgotten = programs('fuzz', 'fuzz_', match)
    yield from unregistered('fuzz', forgotten)
    broken = {}
    for result in built('fuzz', names):
        broken[result.name] = result
        yield result
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        yield from pool.map(fuzz_target, [name for name in names if f'fuzz/{name}' not in broken])


def fuzz_target(name):
    start = time.monotonic()
    corpus = TESTS / 'fuzz/corpus' / name.replace('fuzz_', '', 1)
    with tempfile.TemporaryDirectory(prefix='bulkhead-fuzz-') as found:
        command = [str(build.BUILD / 'tests/fuzz' / name), f'-max_total_time={FUZZ_SECONDS}', '-timeout=10',
                   '-print_final_stats=1', f'-artifact_prefix={LOGS}/{name}-', found]
        if corpus.is_dir():
            command.append(str(corpus))
        run = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=build.ROOT)
    output = run.stdout.decode(errors='replace')
    (LOGS / f'fuzz-{name}.log').write_text(output)
    seconds = time.monotonic() - start
    units = re.search(r'number_of_executed_units: (\d+)', output)
    if run.returncode == 0 and units and int(units.group(1)) > 0:
        return Result(f'fuzz/{name}', 'passed', seconds, f'{units.group(1)} inputs')
    return Result(f'fuzz/{name}', 'failed', seconds, tail(output) + f'\nexit status {run.returncode}')


def pytest(folder, match, marked='not long'):
    """Run the tests of tests/FOLDER so MARKED: two at a time, then one by one those that want the machine alone.

    Two machines share the processors: each may take twice the time.
    """
    if not list((TESTS / folder).glob('test_*.py')):
        return
    yield from pytest_part(folder, match, f'({marked}) and not alone', ('-n', '2'), 2)
    yield from pytest_part(folder, match, f'({marked}) and alone', (), 1)


def pytest_part(folder, match, marked, arguments, patience):
    """Their lines as they come, which tests/conftest.py prints; then the details of what failed."""
    command = [sys.executable, '-u', '-m', 'pytest', '-p', 'no:cacheprovider', '-q', '--tb=short', '--no-header',
               '-m', marked, *arguments, *(['-k', match] if match else []), f'tests/{folder}']
    log = LOGS / f'pytest-{folder}{"-alone" if not arguments else ""}.log'
    patience *= float(os.environ.get('BULKHEAD_PATIENCE', '1'))
    environment = dict(os.environ, BULKHEAD_BUILD=str(build.BUILD), PYTHONDONTWRITEBYTECODE='1', COLUMNS='200',
                       BULKHEAD_PATIENCE=str(patience))
    seen = 0
    with open(log, 'w') as out:
        process = subprocess.Popen(command, cwd=build.ROOT, env=environment, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True, errors='replace')
        for line in process.stdout:
            out.write(line)
            _, found, result = line.rstrip('\n').partition('RESULT ')
            if found:
                outcome, seconds, name, *why = result.split(' ', 3)
                detail = f'see {log}' if outcome == 'failed' else ''.join(why)
                yield Result(f'{folder}/{name}', outcome, float(seconds), detail)
                seen += 1
    status = process.wait()
    failures = log.read_text().partition('= FAILURES =')[2].split('\n')[1:]
    print('\n'.join(f'    {line}' for line in failures[:MOST_DETAIL]), end='\n' if failures else '', flush=True)
    # 1: tests failed, which was said; 5: none was selected.
    if status not in (0, 1, 5) or (status == 1 and not seen):
        yield Result(f'{folder}/pytest', 'failed', 0, tail(log.read_text()))


def system(match):
    if build.ninja('image', 'guests', 'tests/bench/barriers.so'):
        yield Result('system/image', 'failed', 0, 'the image does not build')
        return
    yield from pytest('system', match)


def long(match):
    """What takes too long to be run each time: tests of tests/system that are marked long."""
    if build.ninja('image', 'guests', 'tests/bench/barriers.so'):
        yield Result('long/image', 'failed', 0, 'the image does not build')
        return
    yield from pytest('system', match, marked='long')


def intel(match):
    """The suite system on the machine with VT-x, which takes about an hour."""
    if build.ninja('image', 'guests'):
        yield Result('intel/image', 'failed', 0, 'the image does not build')
        return
    os.environ['BULKHEAD_CPU'] = 'intel'
    yield from pytest('system', match, marked='not long and not qemu')


def bench(match):
    figures = LOGS / 'bench.json'
    figures.unlink(missing_ok=True)
    if build.ninja('image', 'guests', 'tests/bench/costs.so'):
        yield Result('bench/image', 'failed', 0, 'the image does not build')
        return
    yield from pytest('bench', match)
    if figures.exists():
        print_figures(json.loads(figures.read_text()))
        print_peers(json.loads(figures.read_text()))


def print_peers(figures):
    """What was measured of KVM in the same run beside ours on AMD-V and VT-x; nothing if it was not asked for."""
    measured = [name for name in figures if f'kvm_{name}' in figures and COSTS not in name]
    if measured:
        print(f'    {"instructions":<26} {"Bulkhead":>13} {"KVM":>13} {"KVM/ours":>9} {"on VT-x":>9}')
    for name in measured:
        ours, kvm, vtx = (figures.get(key, {}).get('value') for key in (name, f'kvm_{name}', f'{name}_vtx'))
        print(f'    {name:<26} {ours:>13} {kvm:>13} {kvm / ours:>9.2f} {"-" if vtx is None else vtx:>9}')


def width(column):
    return max(8, len(column) + 1)


COSTS = ' costs '  # what stands between the name of a measurement and that of what is counted for it


def print_figures(figures):
    """One table: each figure beside its goal and the peer's; then what is counted, a line per measurement."""
    print(f'    {"figure":<36} {"value":>14} {"goal":>12} {"peer":>12}  unit')
    for name, figure in figures.items():
        if COSTS in name:
            continue
        goal, peer = (figure.get(key) for key in ('goal', 'peer'))
        late = '  over the goal' if goal is not None and figure['value'] > goal else ''
        print(f'    {name:<36} {figure["value"]:>14} {"-" if goal is None else goal:>12} '
              f'{"-" if peer is None else peer:>12}  {figure["unit"]}{late}')
    costs = {}
    for name, figure in figures.items():
        if COSTS in name:
            measured, _, counted = name.partition(COSTS)
            costs.setdefault(measured, {})[counted] = figure['value']
    for first in dict.fromkeys(next(iter(row)) for row in costs.values()):  # AMD-V's are counted otherwise than VT-x's
        print_costs({measured: row for measured, row in costs.items() if next(iter(row)) == first})


def print_costs(rows):
    """What is counted for each measurement, in the columns that any of them has."""
    columns = dict.fromkeys(column for row in rows.values() for column in row)
    print(f'    {"executed by the host":<24}' + ''.join(f'{column:>{width(column)}}' for column in columns))
    for measured, row in rows.items():
        print(f'    {measured:<24}' + ''.join(f'{row.get(column, 0):>{width(column)}.3f}' for column in columns))
