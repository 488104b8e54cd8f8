"""The suite proof: Frama-C's WP over each file that a tests/proof/*.json names, and seeded bugs that must fail.

A description is {"file": "kernel/x.c", "goals": N, "admitted": 0, "functions": [..],
"bugs": [{"find": .., "replace": ..}]}. "functions" (optional) limits what is proved; "goals" is how many there must be
at least, so that a contract that went away is noticed; "admitted" is how many facts may be taken for granted. Each
bug, a text of the file replaced by another, must leave a goal unproved. Spin's models of races come last (models.py).
"""
import concurrent.futures
import json
import re
import shutil
import subprocess
import tempfile
import time
import pathlib

import build
import models
from suites import Result, tail

DESCRIPTIONS = build.ROOT / 'tests/proof'
CACHE = build.BUILD / 'proof-cache'
WHY3 = build.BUILD / 'why3.conf'
SUMMARY = re.compile(r'Proved goals:\s+(\d+) / (\d+)')
# Frama-C looks ten times a second whether a prover has answered, which most have sooner: eight keep two CPUs busy.
AT_ONCE = 8
# Of one Frama-C, which may have a quarter of a processor.
TIMEOUT = 1800
# Of CVC4, a goal. No goal needs more than 150000 steps, and steps do not depend on the load of the machine; seconds do.
STEPS, SECONDS = 200000, 300


def why3_config():
    """The list of provers that Frama-C asks Why3 for, made once."""
    if not WHY3.exists():
        subprocess.run(['why3', '-C', str(WHY3), 'config', 'detect'], check=True, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)


def frama_c(source, description, root):
    """Prove SOURCE; (proved, goals, output), (0, 0, output) if Frama-C did not come that far."""
    command = ['frama-c', '-c11', '-machdep', 'gcc_x86_64', f'-cpp-extra-args=-I{root}', source, '-wp', '-wp-rte',
               '-warn-unsigned-downcast', '-warn-signed-downcast', '-wp-prover', 'cvc4', '-wp-steps', str(STEPS),
               '-wp-timeout', str(SECONDS), '-wp-smoke-timeout', '1', '-wp-par', '1', '-wp-cache', 'update',
               '-wp-session', str(CACHE / pathlib.Path(source).stem)]
    if description.get('functions'):
        command += ['-wp-fct', ','.join(description['functions'])]
    command += description.get('arguments', [])
    try:
        run = subprocess.run(command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                             errors='replace', timeout=TIMEOUT,
                             env={'PATH': '/usr/bin:/bin', 'HOME': str(build.BUILD), 'WHY3CONFIG': str(WHY3)})
    except subprocess.TimeoutExpired:
        return 0, 0, f'still not done after {TIMEOUT} s'
    found = SUMMARY.search(run.stdout)
    if run.returncode or not found:
        return 0, 0, run.stdout
    return int(found.group(1)), int(found.group(2)), run.stdout


def unproved(output):
    """The lines of Frama-C's output that name goals which are left."""
    shown = r'Timeout|Step limit|Unknown|Failed|error|warning'
    return '\n'.join(line for line in output.split('\n') if re.search(shown, line))


def annotated(description):
    """The files in which contracts stand: that of the description, and all of ours that it includes."""
    run = subprocess.run(['clang', '-MM', '-I.', description['file']], cwd=build.ROOT, check=True,
                         stdout=subprocess.PIPE, text=True)
    return [build.ROOT / name for name in run.stdout.replace('\\\n', ' ').split(':', 1)[1].split()]


def wrong(path):
    """What a description lacks to be one, or None."""
    try:
        description = json.loads(path.read_text())
    except ValueError as error:
        return f'is no JSON: {error}'
    if not isinstance(description, dict) or not (build.ROOT / description.get('file', '-')).is_file():
        return 'names no "file" that is there'
    if not description.get('goals', 0) > 0:
        return 'says not how many "goals" there are'
    if not description.get('bugs'):
        return 'has no seeded bug that shows that the proof can fail'
    return None


def prove(name, description):
    """All goals of a file are proved, and there are as many as there were."""
    start = time.monotonic()
    proved, goals, output = frama_c(description['file'], description, build.ROOT)
    (build.BUILD / f'logs/proof-{name}.log').write_text(output)
    seconds = time.monotonic() - start
    taken = re.compile(r'\b(?:admit|axiom|axiomatic)\b')
    admitted = sum(len(taken.findall(path.read_text())) for path in annotated(description))
    if admitted > description.get('admitted', 0):
        return Result(f'proof/{name}', 'failed', seconds, f'{admitted} facts are admitted, not proved')
    if not goals or proved < goals:
        detail = f'{proved} of {goals} goals\n{tail(unproved(output) or output)}'
        return Result(f'proof/{name}', 'failed', seconds, detail)
    if goals < description['goals']:
        return Result(f'proof/{name}', 'failed', seconds, f'{goals} goals, but there were {description["goals"]}')
    return Result(f'proof/{name}', 'passed', seconds, f'{proved} of {goals} goals')


def refute(name, description, number, bug):
    """The proof of the file with a bug in it must fail."""
    start = time.monotonic()
    title = f'proof/{name}-bug{number}'
    description = {**description, **bug}
    file = bug.get('in', description['file'])
    text = (build.ROOT / file).read_text()
    there = text.count(bug['find'])
    if there != 1:
        return Result(title, 'failed', 0, f'the text to replace is there {there} times, not once: {bug["find"]}')
    with tempfile.TemporaryDirectory(prefix='bulkhead-proof-') as directory:
        root = pathlib.Path(directory)
        for folder in ('kernel', 'lib', 'svm', 'vmx', 'dom0', 'tests/proof'):
            shutil.copytree(build.ROOT / folder, root / folder, ignore=shutil.ignore_patterns('*.o'))
        (root / file).write_text(text.replace(bug['find'], bug['replace']))
        proved, goals, output = frama_c(description['file'], description, root)
    (build.BUILD / f'logs/proof-{name}-bug{number}.log').write_text(output)
    seconds = time.monotonic() - start
    if not goals:
        return Result(title, 'failed', seconds, tail(output))
    if proved == goals:
        return Result(title, 'failed', seconds, f'all {goals} goals are proved in spite of the bug')
    return Result(title, 'passed', seconds, f'{goals - proved} of {goals} goals fail, as they should: {bug["what"]}')


def descriptions(match):
    """(name, description) of each; a Result in the description's place for one that is wrong."""
    paths = [path for path in sorted(DESCRIPTIONS.glob('*.json')) if match in path.stem]
    if paths:
        CACHE.mkdir(parents=True, exist_ok=True)
        why3_config()
    for path in paths:
        reason = wrong(path)
        yield path.stem, (Result(f'proof/{path.stem}', 'failed', 0, f'tests/proof/{path.name} {reason}') if reason
                          else json.loads(path.read_text()))


def proof(match):
    """All files, the long ones among them, then all their bugs, of which many goals are the files' own."""
    proofs, refutations = [], []
    for name, description in descriptions(match):
        if isinstance(description, Result):
            yield description
            continue
        proofs.append((prove, name, description))
        refutations += [(refute, name, description, number, bug) for number, bug in enumerate(description['bugs'], 1)]
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        yield from pool.map(lambda job: job[0](*job[1:]), proofs + refutations)
    yield from models.models(match)


def smoke(match):
    """Is each contract one that can be met, and all code under it reachable? A second for each question."""
    for name, description in descriptions(match):
        if isinstance(description, Result):
            yield description
            continue
        arguments = [*description.get('arguments', []), '-wp-smoke-tests']
        yield prove(name, {**description, 'arguments': arguments})
