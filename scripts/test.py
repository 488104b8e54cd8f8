"""Build Bulkhead and run its test suites: a line per test, one closing line, exit status 1 if a test failed."""
import argparse
import json
import os
import sys

import build
import lint
import prove
import suites

LOGS = build.BUILD / 'logs'
SUITES = {'unit': suites.unit, 'proof': prove.proof, 'fuzz': suites.fuzz, 'system': suites.system,
          'bench': suites.bench, 'lint': lint.lint}
# Only by name: everything else together is held under 30 minutes.
BY_NAME = {'long': suites.long, 'intel': suites.intel, 'smoke': prove.smoke}
MARK = {'passed': 'PASS', 'failed': 'FAIL', 'skipped': 'SKIP'}


def parse():
    parser = argparse.ArgumentParser(prog='scripts/test', description=__doc__, allow_abbrev=False)
    parser.add_argument('suite', nargs='*', metavar='SUITE',
                        help=f'{", ".join(SUITES)}, all of them together as all (the default, at most 30 minutes), '
                             f'or {", ".join(BY_NAME)}')
    parser.add_argument('--json', metavar='FILE', help='bench: write every figure to FILE')
    parser.add_argument('--peers', action='store_true',
                        help='bench: measure KVM with the same guests on the same machine, and compare')
    parser.add_argument('-k', metavar='TEXT', default='', help='only tests with TEXT in their names')
    options = parser.parse_args()
    for name in options.suite:
        if name not in SUITES | BY_NAME and name != 'all':
            parser.error(f"there is no suite '{name}'; there are {', '.join(SUITES | BY_NAME)} and all")
    for option in ('json', 'peers'):
        if getattr(options, option) and not {'bench', 'all'} & set(options.suite or ['all']):
            parser.error(f'--{option} belongs to the suite bench')
    if not options.suite or 'all' in options.suite:
        options.suite = list(SUITES) + [name for name in BY_NAME if name in options.suite]
    return options


def report(counts, result):
    counts[result.outcome] += 1
    detail = f' ({result.detail})' if result.detail and result.outcome != 'failed' else ''
    print(f'{MARK[result.outcome]} {result.name}{detail} {result.seconds:.1f}s', flush=True)
    if result.outcome == 'failed' and result.detail:
        print('    ' + result.detail.rstrip().replace('\n', '\n    '), flush=True)


def main():
    options = parse()
    if options.peers:
        os.environ['BULKHEAD_PEERS'] = 'measure'
    build.setup('test')
    build.configure(tests=True)
    LOGS.mkdir(parents=True, exist_ok=True)
    counts = {'passed': 0, 'failed': 0, 'skipped': 0}
    for name in options.suite:
        print(f'== {name}', flush=True)
        for result in (SUITES | BY_NAME)[name](options.k):
            report(counts, result)
    figures = LOGS / 'bench.json'
    if options.json and figures.exists():
        with open(options.json, 'w') as f:
            json.dump(json.loads(figures.read_text()), f, indent=2)
            f.write('\n')
    print('{passed} passed, {failed} failed, {skipped} skipped'.format(**counts))
    return 1 if counts['failed'] or not counts['passed'] else 0


if __name__ == '__main__':
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
