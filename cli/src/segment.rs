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
use upright_engine::store::StoreOptions;

/// Encodes one segment of a plan into a store, showing progress.
///
/// # Errors
/// The engine's; a cancelled job ends as the signal says that cancelled it.
pub(crate) fn segment(arguments: &SegmentArguments, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let document = plan_file::read(&arguments.plan);
    let document = document.map_err(|error| Reporter::failed_early(arguments.progress, quiet, messages, error))?;
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(arguments.progress, quiet, messages);
    match encode(arguments, &document, &interrupt, &reporter) {
        Ok(report) => {
            reporter.segment_done(&report)?;
            for complaint in complaints(&report.damage) {
                log::warn!("{}: {complaint}", document.plan.found.name);
            }
            if !quiet {
                // Nobody is left to be told when standard error is gone.
                let _ = writeln!(messages, "{}", sentence(arguments, &report));
            }
            Ok(Exit::Success)
        }
        Err(error) => {
            let failure = interrupt.failure(error);
            reporter.failed(&failure);
            Err(failure)
        }
    }
}

fn encode(
    arguments: &SegmentArguments,
    document: &PlanDocument,
    interrupt: &Interrupt,
    reporter: &Reporter,
) -> Result<SegmentReport> {
    let source = document.open_pictures(&arguments.access, interrupt.control())?;
    let store = StoreOptions { folder: arguments.output.clone(), size: arguments.store_size };
    let limits = options::limits(&arguments.machine, Some(1));
    let segment = SegmentOptions::new(store).device(arguments.machine.device.clone()).limits(limits);
    let progress = |progress: &_| reporter.progress(progress);
    encode_segment(source, &document.plan, arguments.number, &segment, interrupt.control(), &progress)
}

/// Writes the closing line: the store, the segment's number, and how long its frames took or that it was there already.
fn sentence(arguments: &SegmentArguments, report: &SegmentReport) -> String {
    let (store, number) = (arguments.output.display(), report.number);
    match report.frames {
        Some(frames) => {
            format!("{store}: segment {number}: {frames} frames in {}", progress::clock(report.wall_seconds))
        }
        None => format!("{store}: segment {number} was there already"),
    }
}
