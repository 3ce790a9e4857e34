"""Commands, targets, deployments and params that the documents name exist, with their options."""

import ast
import re
import shlex
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from lradapt.cli import flows
from lradapt.cli.app import app
from lradapt.config.params import Params
from lradapt.config.validation import validate
from lradapt.errors import LradaptError
from tests.docs.documents import DATED, ROOT, blocks, code, documents, inline

CURRENT = [name for name in documents() if name not in DATED]
TARGETS = re.search(r"\.PHONY: (.+)", (ROOT / "Makefile").read_text())[1].split()
PARAMS = yaml.safe_load((ROOT / "params.yaml").read_text())
SUFFIXES = {".py", ".csv", ".json", ".html", ".onnx", ".npy", ".safetensors", ".png"}
DEPLOYMENTS = {
    f"{each['entrypoint'].partition(':')[2].replace('_', '-')}/{each['name']}"
    for each in yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
}


def commands(name, program):
    """Return the arguments of `program` in each call in a document, as lists of words."""
    start = rf"(?:^|&& |; |\| )(?:\$ )?(?:\w+=\S+ )*{program} +(.+?)(?= && |; | \| | > |$)"
    pieces = [re.sub(r"(?:^|\s)# .*", "", piece).strip() for piece in code(name)]
    typed = [found for piece in pieces for found in re.findall(start, piece)]
    return [_words(text) for text in typed]


def _words(text):
    try:
        return shlex.split(text)
    except ValueError:  # the closing quotation mark is on another line
        return text.split()


def options(words):
    """Return the long options in a call."""
    return {word.partition("=")[0] for word in words if re.match(r"--\w", word)}


def fault_of_lradapt(words):
    """Return the fault of a call of `lradapt`, or an empty text."""
    command = get_command(app)
    params = list(command.params)
    for word in words:
        if not hasattr(command, "commands"):
            break
        if word.startswith("-"):
            continue
        if word not in command.commands:
            return f"no command {word}"
        command = command.commands[word]
        params += command.params
    if words[0] in flows.MODULES:  # its options are the flow's
        return fault_of_module([f"flows.{flows.MODULES[words[0]]}", *words[1:]])
    known = {name for param in params for name in (*param.opts, *param.secondary_opts)}
    return " ".join(sorted(options(words) - known - {"--help"}))


def fault_of_module(words):
    """Return the fault of a call of `python -m`: a module or an option that does not exist."""
    path = ROOT / words[0].replace(".", "/")
    if not words[0].startswith(("flows.", "benchmarks.")):
        return ""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path.with_suffix(".py")]
    text = "".join(file.read_text() for file in files if file.is_file())
    if not text:
        return f"no module {words[0]}"
    unknown = [
        option
        for option in options(words) - {"--help"}
        if f'"{option}"' not in text and f"{option[2:].replace('-', '_')}:" not in text
    ]
    return " ".join(unknown)


@pytest.mark.parametrize("name", CURRENT)
def test_each_call_of_lradapt_names_an_existing_command_and_its_options(name):
    wrong = {" ".join(words): fault_of_lradapt(words) for words in commands(name, "lradapt")}
    assert {words: fault for words, fault in wrong.items() if fault} == {}


def _texts(code):
    """Yield the texts in a module, docstrings and messages; a value in one is shown as VALUE."""
    for node in ast.walk(ast.parse(code)):
        parts = node.values if isinstance(node, ast.JoinedStr) else [node]
        texts = [part.value if isinstance(part, ast.Constant) else "VALUE" for part in parts]
        yield "".join(text for text in texts if isinstance(text, str))


def _missing_options(words):
    """Return the required options that a call with other options lacks; "" for a mere mention."""
    command = get_command(app)
    for word in words:
        command = getattr(command, "commands", {}).get(word, command)
    required = {param.opts[0] for param in command.params if param.required}
    given = options(words)
    missing = {name for name in required - given if given and name.startswith("-")}
    return " ".join(sorted(missing))


@pytest.mark.parametrize("folder", ["lradapt", "tasks", "flows"])
def test_each_call_of_lradapt_that_the_code_advises_can_be_typed(folder):
    advised = {
        call
        for file in (ROOT / folder).rglob("*.py")
        for text in _texts(file.read_text(encoding="utf-8"))
        for call in re.findall(r"`lradapt ([^A-Z][^`]*)`", re.sub(r"\s+", " ", text))
    }
    assert advised, "nothing was found: the test would pass without checking anything"
    faults = {
        call: fault_of_lradapt(_words(call)) or _missing_options(_words(call)) for call in advised
    }
    assert {call: fault for call, fault in faults.items() if fault} == {}


@pytest.mark.parametrize("name", CURRENT)
def test_each_call_of_a_module_names_an_existing_module_and_its_options(name):
    wrong = {" ".join(words): fault_of_module(words) for words in commands(name, "python -m")}
    assert {words: fault for words, fault in wrong.items() if fault} == {}


@pytest.mark.parametrize("name", CURRENT)
def test_each_target_of_make_is_in_the_makefile(name):
    targets = {word for words in commands(name, "make") for word in words if word.islower()}
    assert targets <= set(TARGETS)


@pytest.mark.parametrize("name", CURRENT)
def test_each_deployment_that_is_run_is_in_prefect_yaml(name):
    run = {words[0] for words in commands(name, "prefect deployment run")}
    assert run <= DEPLOYMENTS


@pytest.mark.parametrize("name", CURRENT)
def test_each_key_of_params_that_is_named_exists(name):
    texts = [*inline(name), *(block.text for block in blocks(name))]
    dotted = {key for text in texts for key in re.findall(r"(?<![\w./])[a-z]\w*(?:\.\w+)+\b", text)}
    assert [key for key in sorted(dotted) if not _is_key(key)] == []


def _is_key(key):
    """Return whether it is a key, or something else: a file, a module, another name."""
    first, *rest = key.split(".")
    if first not in PARAMS or Path(key).suffix in SUFFIXES:
        return True
    value = PARAMS[first]
    for part in rest:
        if not isinstance(value, dict) or part not in value:
            return False
        value = value[part]
    return True


@pytest.mark.parametrize("name", CURRENT)
def test_each_excerpt_of_params_is_valid_in_params_yaml(name):
    for excerpt in _excerpts(name):
        try:
            validate(Params, _merged(PARAMS, excerpt), Path("params.yaml"))
        except LradaptError as error:
            pytest.fail(f"{excerpt}: {error}")


def _excerpts(name):
    """Yield YAML that begins with a key of params.yaml; line 1 names the file if it is another."""
    texts = [b.text for b in blocks(name) if b.kind == "yaml" and not re.match(r"# \w+\.", b.text)]
    texts += [text for text in inline(name) if re.match(r"\w+: ", text)]
    for text in texts:
        try:
            value = yaml.safe_load(text)
        except yaml.YAMLError:
            continue
        if isinstance(value, dict) and set(value) <= set(PARAMS):
            yield value


def _merged(values, changes):
    if not (isinstance(values, dict) and isinstance(changes, dict)):
        return changes
    return {**values, **{key: _merged(values.get(key), value) for key, value in changes.items()}}
