import logging
import subprocess
import sys
import time

import pytest

from tasks.stages import StageFailedError, run_child


def python(code):
    return [sys.executable, "-c", code]


def test_every_line_of_a_child_goes_to_the_log(caplog):
    caplog.set_level(logging.INFO, logger="lradapt")
    run_child(python("import sys; print('one'); print('two', file=sys.stderr)"))
    assert sorted(record.getMessage() for record in caplog.records) == ["one", "two"]


def test_hints_of_dvc_stay_out_of_the_log(caplog):
    caplog.set_level(logging.INFO, logger="lradapt")
    run_child(
        python(r"print('To track the changes with git, run:\n\n\tgit add dvc.lock\nepoch 1')")
    )
    assert [record.getMessage() for record in caplog.records] == ["epoch 1"]


def test_a_failed_child_is_one_error_that_begins_where_it_says_error():
    code = "print('loading'); print('error: no images'); print('  - a.png'); exit(1)"
    with pytest.raises(StageFailedError) as error:
        run_child(python(code))
    assert str(error.value) == "error: no images\n  - a.png"


def test_a_failed_child_without_a_message_gives_its_last_lines():
    with pytest.raises(StageFailedError, match="ZeroDivisionError"):
        run_child(python("1 / 0"))


def test_what_dvc_says_of_itself_is_told_where_nothing_else_is():
    line = "ERROR: failed to reproduce 'a': no such file"
    with pytest.raises(StageFailedError, match="no such file"):
        run_child(python(f'print("{line}"); exit(1)'))


def test_python_in_a_command_is_this_python(caplog):
    caplog.set_level(logging.INFO, logger="lradapt")
    run_child(["sh", "-c", "python -c 'import sys; print(sys.prefix)'"])
    assert caplog.records[0].getMessage() == sys.prefix


def test_leaving_early_ends_the_whole_group(tmp_path, monkeypatch):
    """An exception in the parent (a cancel) must not leave a grandchild training on."""
    beat = tmp_path / "beat"
    training = f"import time\nwhile 1: open({str(beat)!r}, 'a').write('x'); time.sleep(.05)"
    code = f"import subprocess, sys; print(1); subprocess.run([sys.executable, '-c', {training!r}])"

    class CancelledError(BaseException):
        pass

    def cancel(*_):
        deadline = time.monotonic() + 10
        while not beat.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        raise CancelledError

    monkeypatch.setattr("tasks.stages.log.info", cancel)
    with pytest.raises(CancelledError):
        run_child([sys.executable, "-u", "-c", code])
    size = beat.stat().st_size
    time.sleep(0.4)
    assert beat.stat().st_size == size
    assert subprocess.run(["pgrep", "-f", str(beat)], capture_output=True).stdout == b""
