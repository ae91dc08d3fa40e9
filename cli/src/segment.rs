//! `upright segment`.

use crate::args::SegmentArguments;
use crate::convert::complaints;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::options;
use crate::output::Messages;
use crate::plan_file::{self, PlanDocument};
use crate::progress::{self, Reporter};
use std::io::Write as _;
use upright_engine::Result;
use upright_engine::pipeline::{SegmentOptions, SegmentReport, encode_segment};
use upright_engine::remote::{self, KnownObject};
use upright_engine::store::StoreOptions;

/// Encodes one segment of a plan, or a part of all, into a store, showing progress.
///
/// # Errors
/// The engine's; a cancelled job ends as the signal says that cancelled it.
pub(crate) fn segment(arguments: &SegmentArguments, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let document = plan_file::read(&arguments.plan);
    let document = document.map_err(|error| Reporter::failed_early(arguments.progress, quiet, messages, error))?;
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(arguments.progress, quiet, messages);
    let numbers = match (arguments.number, arguments.part) {
        (None, Some(part)) => part.range(document.plan.segments().map_or(1, <[_]>::len)),
        (number, _) => number.map_or(0..0, |number| number..number + 1),
    };
    let (mut reports, mut known) = (Vec::new(), None);
    for number in numbers {
        match encode(arguments, number, &document, &mut known, (&interrupt, &reporter)) {
            Ok(report) => {
                for complaint in complaints(&report.damage) {
                    log::warn!("{}: {complaint}", document.plan.found.name);
                }
                reports.push(report);
            }
            Err(error) => {
                let failure = interrupt.failure(error);
                reporter.failed(&failure);
                return Err(failure);
            }
        }
    }
    match arguments.number.and(reports.first()) {
        Some(report) => reporter.segment_done(report)?,
        None => reporter.part_done(&reports)?,
    }
    if !quiet {
        let store = remote::shown(&arguments.store);
        for report in &reports {
            // Nobody is left to be told when standard error is gone.
            let _ = writeln!(messages, "{store}: {}", sentence(report));
        }
        if reports.is_empty() {
            let _ = writeln!(messages, "{store}: the part has no segments");
        }
    }
    Ok(Exit::Success)
}

fn encode(
    arguments: &SegmentArguments,
    number: usize,
    document: &PlanDocument,
    known: &mut Option<KnownObject>,
    (interrupt, reporter): (&Interrupt, &Reporter),
) -> Result<SegmentReport> {
    let source = document.open_pictures(&arguments.access, known.take(), interrupt.control())?;
    *known = source.known();
    let store = StoreOptions { folder: arguments.store.clone(), size: arguments.store_size };
    let limits = options::limits(&arguments.machine, Some(1));
    let segment = SegmentOptions::new(store).device(arguments.machine.device.clone()).limits(limits);
    let progress = |progress: &_| reporter.progress(progress);
    encode_segment(source, &document.plan, number, &segment, interrupt.control(), &progress)
}

/// Writes the closing line of a segment: its number, and how long its frames took or that it was there already.
fn sentence(report: &SegmentReport) -> String {
    let number = report.number;
    match report.frames {
        Some(frames) => format!("segment {number}: {frames} frames in {}", progress::clock(report.wall_seconds)),
        None => format!("segment {number} was there already"),
    }
}
