"""Makes a notebook from each script in this folder that has cells: `python examples/as_notebook.py`.

A line `# %%` begins a cell of code, `# %% [markdown]` one of text, and `# %% [script]` what only the script needs.
What stands before the first of them is the script's own too. The notebook holds no outputs.
"""

import json
import re
from pathlib import Path

CELL = re.compile(r"^# %%(?: \[(markdown|script)\])?\n", re.MULTILINE)
FORMAT = {"nbformat": 4, "nbformat_minor": 5}
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def notebook(script):
    """The notebook of a script, as the text of its file."""
    _, *parts = CELL.split(script)
    pairs = zip(parts[0::2], parts[1::2], strict=True)
    cells = [cell(kind, text, number) for number, (kind, text) in enumerate(pairs) if kind != "script"]
    return json.dumps({"cells": cells, "metadata": KERNEL, **FORMAT}, indent=1, ensure_ascii=False) + "\n"


def cell(kind, text, number):
    """One cell as a notebook holds it."""
    lines = text.strip("\n").split("\n")
    if kind == "markdown":
        lines = [line.removeprefix("#").removeprefix(" ") for line in lines]
    else:
        lines = [re.sub(r"\s+# noqa: .*", "", line) for line in lines]
    source = [f"{line}\n" for line in lines[:-1]] + lines[-1:]
    about = {"cell_type": kind or "code", "id": f"cell-{number}", "metadata": {}, "source": source}
    return about if kind else {**about, "execution_count": None, "outputs": []}


def main():
    for path in sorted(Path(__file__).parent.glob("*.py")):
        script = path.read_text(encoding="utf-8")
        if CELL.search(script):
            path.with_suffix(".ipynb").write_text(notebook(script), encoding="utf-8")


if __name__ == "__main__":
    main()
