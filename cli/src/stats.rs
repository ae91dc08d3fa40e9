//! `--stats`: where the time of a conversion went, from the report.

use std::fmt::Write;
use upright_engine::pipeline::Report;

/// Writes tables of stages and queues, and the sentence that names the bottleneck.
pub(crate) fn table(report: &Report) -> String {
    let mut text = format!(
        "{:<28} {:>7} {:>10} {:>10} {:>10} {:>10}\n",
        "stage", "threads", "cpu s", "busy s", "starved s", "blocked s"
    );
    for stage in &report.stages {
        let cpu = stage.cpu_seconds.map_or_else(|| "?".to_owned(), |seconds| format!("{seconds:.2}"));
        // Writing to a string cannot fail.
        let _ = writeln!(
            text,
            "{:<28} {:>7} {:>10} {:>10.2} {:>10.2} {:>10.2}",
            stage.name, stage.threads, cpu, stage.busy_seconds, stage.starved_seconds, stage.blocked_seconds
        );
    }
    let _ = writeln!(text, "{:<28} {:>7} {:>10} {:>10} {:>10}", "queue", "queues", "holds", "mean depth", "most");
    for queue in &report.queues {
        let _ = writeln!(
            text,
            "{:<28} {:>7} {:>10} {:>10.1} {:>10}",
            queue.name, queue.queues, queue.capacity, queue.mean_depth, queue.max_depth
        );
    }
    let _ = writeln!(text, "{}", report.bottleneck);
    text
}
