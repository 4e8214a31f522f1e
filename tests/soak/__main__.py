"""``python -m tests.soak``: months of a whole province through the real commands, and the reckoning."""

import argparse
import json
import platform
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from tests.soak.book import LEDGER
from tests.soak.months import Months
from tests.soak.province import Province, Size
from tests.soak.reckoning import reckon


def main() -> int:
    """Run the soak and print its figures as JSON; 1 = something does not agree."""
    asked = argparse.ArgumentParser(prog="python -m tests.soak", description=__doc__)
    asked.add_argument("--months", type=int, default=24)
    asked.add_argument("--counties", type=int, default=20)
    asked.add_argument("--each", type=int, default=48, help="new sites a county and month")
    asked.add_argument("--seed", type=int, default=7)
    asked.add_argument("--folder", type=Path, help="default: a temporary one, removed at the end")
    asked.add_argument(
        "--resume", action="store_true", help="go on after the last finished month in --folder"
    )
    asked.add_argument(
        "--so-far", action="store_true", help="only the reckoning of the months that --folder has done; changes nothing"
    )  # fmt: skip
    given = asked.parse_args()
    if given.so_far:
        return so_far(Size(given.months, given.counties, given.each, given.seed), given.folder)
    folder = given.folder or Path(tempfile.mkdtemp(prefix="soak-"))
    begun = time.perf_counter()
    months = Months(Province(Size(given.months, given.counties, given.each, given.seed)), folder)
    months.take_up() if given.resume else months.begin()
    months.go()
    walked = time.perf_counter() - begun
    found = reckon(months.province, months.book, months.heads, months.totals)
    figures = {
        "months": given.months, "counties": given.counties, "seed": given.seed,
        **found.figures,
        "counts": dict(months.counts.most_common()),
        "killed": months.worker.killed,
        "minutes": {"months": round(walked / 60, 1), "reckoning": round((time.perf_counter() - begun - walked) / 60, 1)},
        "seconds_by_command": {name: [len(all_), round(sum(all_), 1), round(max(all_), 1)] for name, all_ in sorted(months.worker.spent.items())},
        "processor_minutes": round(_processor_s() / 60, 1),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024),
        "python": platform.python_version(),
        "wrong": found.wrong[:50],
        "wrong_count": len(found.wrong),
    }  # fmt: skip
    print(json.dumps(figures, ensure_ascii=False, indent=1))
    if given.folder is None:
        shutil.rmtree(folder)
    return 1 if found.wrong else 0


def so_far(size: Size, folder: Path) -> int:
    """Reckon the months that are done, of a soak that is under way or was stopped."""
    province = Province(size)
    with tempfile.TemporaryDirectory(prefix="soak-") as name:
        place = Path(name)
        months = Months(province, place)
        months.remember(folder)
        province.size = replace(size, months=months.done)
        months.out.mkdir()
        shutil.copyfile(folder / "kept.sqlite", months.out / LEDGER)
        (place / "scenes").symlink_to((folder / "scenes").resolve())
        for month in province.size.names:
            (months.out / month).symlink_to((folder / "runs" / month).resolve())
        found = reckon(province, months.book, months.heads, months.totals)
    figures = {
        "months": months.done, "of": size.months, "counties": size.counties, **found.figures,
        "counts": dict(months.counts.most_common()), "killed": months.worker.killed,
        "wrong": found.wrong[:50], "wrong_count": len(found.wrong),
    }  # fmt: skip
    print(json.dumps(figures, ensure_ascii=False, indent=1))
    return 1 if found.wrong else 0


def _processor_s() -> float:
    """Return the processor time of this process and of all its workers, killed ones too."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


if __name__ == "__main__":
    sys.exit(main())
