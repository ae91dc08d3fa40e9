//! `upright review`: a page on which people look at a plan's shots, and mend them.

use crate::args::ReviewArguments;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::output::Messages;
use crate::plan_file::{self, PlanDocument};
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::Path;
use upright_engine::analyse::{Still, stills};
use upright_engine::media::Source;
use upright_engine::plan::Plan;
use upright_engine::time::Time;
use upright_engine::{Error, Result, remote};

/// The page, which has its data in place of [`DATA`].
const PAGE: &str = include_str!("review/page.html");
const DATA: &str = "{{DATA}}";
/// Seconds from one still of a shot to the next, about, and how many a shot has at most; and all of them, so that the page stays
/// below some 40 MB.
const EVERY: f64 = 2.5;
const MOST: usize = 5;
const MOST_OF_ALL: usize = 6000;

/// Writes the page of a plan.
///
/// # Errors
/// The engine's.
pub(crate) fn review(arguments: ReviewArguments, quiet: bool, messages: &mut Messages) -> Result<Exit, Failure> {
    let ReviewArguments { plan: file, output, overwrite, access } = arguments;
    plan_file::check_free(&output, overwrite)?;
    let document = plan_file::read(&file)?;
    let interrupt = Interrupt::listen()?;
    let made = || -> Result<usize> {
        let source = document.open_pictures(&access, None, interrupt.control())?;
        if source.is_at(&output) {
            return Err(Error::OutputIsInput { path: output.clone() });
        }
        let page = page(&document, &plan_name(&file.plan), source, &interrupt)?;
        plan_file::write(&page, &output, overwrite)?;
        Ok(document.plan.wanted.shots.len())
    };
    let shots = made().map_err(|error| interrupt.failure(error))?;
    if !quiet {
        // Nobody is left to be told when standard error is gone.
        let _ = writeln!(messages, "{}: {shots} shots; open it in a browser", remote::shown(&output));
    }
    Ok(Exit::Success)
}

fn plan_name(plan: &std::ffi::OsStr) -> String {
    let name = Path::new(plan).file_name().filter(|_| plan != "-");
    name.map_or_else(|| "film.plan.json".to_owned(), |name| name.to_string_lossy().into_owned())
}

fn page(document: &PlanDocument, name: &str, source: Source, interrupt: &Interrupt) -> Result<String> {
    let PlanDocument { plan, text, .. } = document;
    let ends = ends(plan);
    let times = times(plan, &ends);
    let wanted: Vec<Time> = times.iter().flatten().copied().collect();
    let mut found: Vec<Still> = Vec::with_capacity(wanted.len());
    let can_skip = plan.found.scan.is_some_and(|scan| scan.can_skip);
    stills(source, &wanted, can_skip, interrupt.control(), &mut |still| {
        found.push(still);
        Ok(())
    })?;
    let picture = plan.found.video.upright;
    let shape = plan.wanted.rungs.first().map_or(0.5625, |rung| f64::from(rung.width) / f64::from(rung.height));
    // The plan goes in as it was written, so that no number of it changes.
    let mut data = format!(
        "{{\"name\":{},\"plan_name\":{},\"plan\":{},\"picture\":{{\"width\":{},\"height\":{}}},\"shape\":{shape},\"shots\":[",
        json(&plan.found.name)?,
        json(name)?,
        text.trim(),
        picture.width(),
        picture.height(),
    );
    for (index, (shot, end)) in plan.wanted.shots.iter().zip(&ends).enumerate() {
        let start = shot.start.seconds().as_f64();
        let comma = if index == 0 { "" } else { "," };
        // Writing to a string cannot fail.
        let _ = write!(data, "{comma}{{\"start\":{start},\"end\":{end},\"thumbnails\":[");
        let inside = |still: &&Still| still.time >= shot.start && shot.end.is_none_or(|end| still.time < end);
        for (number, still) in found.iter().filter(inside).enumerate() {
            let comma = if number == 0 { "" } else { "," };
            let time = still.time.seconds().as_f64();
            let _ = write!(data, "{comma}{{\"time\":{time},\"image\":\"data:image/jpeg;base64,");
            base64(&still.jpeg, &mut data);
            data.push_str("\"}");
        }
        data.push_str("]}");
    }
    data.push_str("]}");
    // No text of a plan may end the element that it is in.
    Ok(PAGE.replacen(DATA, &data.replace('<', "\\u003c"), 1))
}

fn json(text: &str) -> Result<String> {
    serde_json::to_string(text).map_err(|error| Error::io("the page", "cannot write")(error.into()))
}

/// Seconds at which shots end.
fn ends(plan: &Plan) -> Vec<f64> {
    let span = plan.found.span;
    let whole = plan.found.duration.map(|duration| {
        let rest = duration - span.start.map_or(0.0, |start| start.as_f64());
        span.duration.map_or(rest, |wanted| rest.min(wanted.as_f64()))
    });
    let end_of = |shot: &upright_engine::plan::Shot| {
        let start = shot.start.seconds().as_f64();
        let end = shot.end.map(|end| end.seconds().as_f64()).or(whole);
        end.filter(|&end| end > start).unwrap_or(start + 1.0)
    };
    plan.wanted.shots.iter().map(end_of).collect()
}

/// Times of the stills of each shot.
fn times(plan: &Plan, ends: &[f64]) -> Vec<Vec<Time>> {
    let most = (MOST_OF_ALL / ends.len().max(1)).clamp(1, MOST);
    let of_shot = |(shot, end): (&upright_engine::plan::Shot, &f64)| {
        let start = shot.start.seconds().as_f64();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a few")]
        let count = (((end - start) / EVERY).ceil() as usize).clamp(1, most);
        #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "times of a film")]
        let time = |number: usize| {
            let seconds = start + (end - start) * (number as f64 + 0.5) / count as f64;
            Time::from(upright_engine::geometry::Rational::new((seconds * 1000.0).round() as i64, 1000))
        };
        let mut times: Vec<_> = (0..count).map(time).map(|time| time.max(shot.start)).collect();
        // Of a shot that is shorter than rounding, the first frame.
        if shot.end.is_some_and(|end| times.iter().any(|time| *time >= end)) {
            times = vec![shot.start];
        }
        times
    };
    plan.wanted.shots.iter().zip(ends).map(of_shot).collect()
}

/// Writes bytes as text (RFC 4648).
fn base64(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for three in bytes.chunks(3) {
        let value = three.iter().fold(0_u32, |value, byte| value << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..4 {
            let index = (value >> (18 - 6 * digit)) as usize & 63;
            out.push(if digit <= three.len() { char::from(DIGITS[index]) } else { '=' });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_become_the_text_of_rfc_4648() {
        for (bytes, text) in [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foobar", "Zm9vYmFy")] {
            let mut out = String::new();
            base64(bytes.as_bytes(), &mut out);
            assert_eq!(out, text);
        }
    }

    #[test]
    fn the_page_has_one_place_for_its_data() {
        assert_eq!(PAGE.matches(DATA).count(), 1);
    }
}
