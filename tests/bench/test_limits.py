"""No figure that the other files of this folder have recorded is over its limit: a goal once reached stays reached."""
import json

import pytest

from conftest import LOGS


@pytest.mark.alone
def test_no_figure_is_over_its_limit():
    path = LOGS / 'bench.json'
    figures = json.loads(path.read_text()) if path.exists() else {}
    limited = {name: figure for name, figure in figures.items() if figure['limit'] is not None}
    if not limited:
        pytest.skip('no figure has a limit in this run')
    over = {name: (figure['value'], figure['limit']) for name, figure in limited.items()
            if figure['value'] > figure['limit']}
    assert not over, f'(value, limit) of each: {over}'
