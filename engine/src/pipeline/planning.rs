//! Making a plan of a source: its frames' times are read, so that its segments are known beforehand.

use super::progress::{Expected, Progress};
use crate::control::Control;
use crate::error::Result;
use crate::media::Source;
use crate::plan::{Plan, PlanOptions};
use crate::time::Time;
use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

/// Time between two calls of `on_progress`.
const TICK: Duration = Duration::from_millis(100);

/// Decides everything about the conversion of a source, of which nothing is read for it that [`super::render`] would miss.
///
/// A file is read through for it once more, without decoding: the times of its frames say where segments begin. A source that
/// can be read only once, such as a pipe, has its segments cut while it is decoded. `on_progress` is called about ten times a
/// second.
///
/// # Errors
/// As [`Plan::new`]; [`crate::Error::Io`] and [`crate::Error::BadSource`] when the source cannot be read;
/// [`crate::Error::Cancelled`].
pub fn plan(
    source: &Source,
    options: &PlanOptions,
    control: &Control,
    on_progress: &dyn Fn(&Progress),
) -> Result<Plan> {
    let begin = Instant::now();
    let mut plan = Plan::new(source.info(), options)?;
    if !source.can_be_read_again() {
        return Ok(plan);
    }
    let expected = Expected::of(&plan);
    let (list, frames, told) = (RefCell::new(plan.segment_list()), Cell::new(0), Cell::new(begin));
    let again = source.open_again(control)?;
    plan.check_source(again.info())?;
    let scan = again.scan(|pts| {
        list.borrow_mut().push(pts);
        frames.set(frames.get() + 1);
        if told.get().elapsed() >= TICK {
            told.set(Instant::now());
            let film = Time::of_ticks(pts, plan.time_base()).seconds().as_f64();
            on_progress(&Progress::scanning(expected, frames.get(), film, begin.elapsed()));
        }
    })?;
    plan.found.scan = Some(scan);
    plan.with_segments(list.into_inner())
}
