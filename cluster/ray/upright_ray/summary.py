"""What came of a batch: a document, and a table."""

import json

from . import files
from .schedule import TitleState, describe

VERSION = 1  # of docs/summary.schema.json
ROWS = 50


def make(schedule, titles, upright, seconds):
    """As `upright batch` writes it, and what the cluster did."""
    never_begun = [TitleState(title) for title in titles[len(schedule.states):]]
    return {
        "version": VERSION,
        "upright": upright,
        "ended": schedule.is_over,
        "wall_seconds": round(seconds, 3),
        "titles": [describe(state) for state in schedule.states + never_begun],
        "cluster": vars(schedule.counts),
    }


def write(summary, out):
    files.write(files.join(out, "summary.json"), (json.dumps(summary, indent=2) + "\n").encode())


def table(summary):
    """All titles, or those of many that are not there."""
    titles, counts = summary["titles"], summary["cluster"]
    rows = titles if len(titles) <= ROWS else [title for title in titles if not title["outcome"].endswith("done")]
    width = max((len(title["name"]) for title in rows), default=0)
    lines = [f"  {title['name']:<{width}}  {title['outcome']:<10}  {_remark(title)}".rstrip() for title in rows]
    lines.append(
        f"{counts['done']} converted, {counts['was_done']} there already, {counts['failed']} failed, in "
        f"{summary['wall_seconds']:.0f} s; segments: {counts['encoded']} encoded ({counts['twice']} twice), "
        f"{counts['stored']} were there; {counts['near']} where their film was planned; {counts['lost']} steps lost"
    )
    return "\n".join(lines)


def _remark(title):
    if title["error"]:
        return title["error"].replace("\n", "\n      ")
    return f"{title['frames']} frames" if title["frames"] is not None else ""
