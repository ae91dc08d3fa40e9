//! `upright plan`.

use crate::args::{self, PlanArguments, PlanFile};
use crate::convert::tell_of_source;
use crate::exit::{Exit, Failure};
use crate::interrupt::Interrupt;
use crate::options::{self, PlanRequest};
use crate::output::Messages;
use crate::plan_file::PlanDocument;
use crate::progress::Reporter;
use crate::values::ShotEdit;
use crate::{analysis_file, output, plan_file};
use std::path::{Path, PathBuf};
use std::time::Instant;
use upright_engine::control::Control;
use upright_engine::ladder::Ladder;
use upright_engine::media::Source;
use upright_engine::picture::DeviceChoice;
use upright_engine::plan::{BurnInChoice, CropKey, Interpolation, Plan, Shot, ShotMode};
use upright_engine::{Error, Result, pipeline, remote};

/// Makes a plan, and writes it into a file or to standard output; or changes shots of one.
///
/// # Errors
/// The engine's.
pub(crate) fn plan(arguments: PlanArguments, quiet: bool, messages: &Messages) -> Result<Exit, Failure> {
    if !arguments.set.is_empty() {
        return change(&arguments);
    }
    let PlanArguments { input, output, overwrite, analysis, progress, device, wanted, access, set: _ } = arguments;
    if progress == args::Progress::Json && output.is_none() {
        let why = "the plan goes to standard output; name a file for it with --output";
        return Err(Error::invalid("progress", "json", why).into());
    }
    let request = PlanRequest::resolve(&input, wanted, access)?;
    // Before a long film is read for it; another may still appear meanwhile.
    output.as_deref().map_or(Ok(()), |path| plan_file::check_free(path, overwrite))?;
    let interrupt = Interrupt::listen()?;
    let reporter = Reporter::new(progress, quiet, messages);
    let begin = Instant::now();
    // What goes into a pipe or a device has no place beside it.
    let beside = output.as_deref().filter(|path| !plan_file::is_device(path)).map(analysis_file::beside);
    let files = Files { plan: output.as_deref(), analysis: analysis.or(beside) };
    let made = make(request, &device, &interrupt, &reporter, &files).and_then(|plan| {
        let text = plan.to_pretty_json()?;
        match &output {
            Some(path) => plan_file::write(&text, path, overwrite)?,
            None => output::print(&text)?,
        }
        Ok(plan)
    });
    match made {
        Ok(plan) => {
            let path = output.map(|path| remote::shown(&path));
            reporter.planned(path.as_deref(), plan.wanted.shots.len(), begin.elapsed())?;
            Ok(Exit::Success)
        }
        Err(error) => {
            let failure = interrupt.failure(error);
            reporter.failed(&failure);
            Err(failure)
        }
    }
}

/// The files of a plan and of what was seen for it.
struct Files<'a> {
    plan: Option<&'a Path>,
    analysis: Option<PathBuf>,
}

fn make(
    request: PlanRequest,
    device: &DeviceChoice,
    interrupt: &Interrupt,
    reporter: &Reporter,
    files: &Files<'_>,
) -> Result<Plan> {
    let source = Source::open_within(&request.input, &request.open, interrupt.control())?;
    if let Some(path) = files.plan.filter(|path| source.is_at(path)) {
        return Err(Error::OutputIsInput { path: path.to_path_buf() });
    }
    let options = options::with_text(&source, request.plan, interrupt.control())?;
    let burnt_in = options.burn_in.as_ref().and_then(BurnInChoice::text);
    tell_of_source(source.info(), options.formats.cmaf.is_some(), burnt_in);
    let progress = |progress: &_| reporter.progress(progress);
    let earlier = files.plan.map(|path| locked_shots(path, &source, interrupt.control())).transpose()?;
    let options = options.earlier(earlier.unwrap_or_default());
    let (control, analysis) = (interrupt.control(), files.analysis.as_deref());
    let options = analysis_file::look(&source, options, device, analysis, control, &progress)?;
    pipeline::plan(&source, &options, control, &progress)
}

/// The shots of a plan that is replaced, if it is one of this source, of which those that are locked are to be kept.
fn locked_shots(path: &Path, source: &Source, control: &Control) -> Result<Vec<Shot>> {
    let name = remote::shown(path);
    let Some(text) = plan_file::text(path, control)? else { return Ok(Vec::new()) };
    let Ok(earlier) = Plan::from_json(&text, &name) else {
        if text.contains("\"locked\": true") {
            log::warn!("{name}: is no plan that can be read: no locked shot of it is kept");
        }
        return Ok(Vec::new());
    };
    if earlier.check_source(source.info()).is_err() {
        if earlier.wanted.shots.iter().any(|shot| shot.locked) {
            log::warn!("{name}: is a plan of another source: no locked shot of it is kept");
        }
        return Ok(Vec::new());
    }
    Ok(earlier.wanted.shots)
}

/// Changes shots of a plan, and writes it back, or elsewhere.
fn change(arguments: &PlanArguments) -> Result<Exit, Failure> {
    let file = PlanFile { plan: arguments.input.input.clone(), source: None };
    let PlanDocument { mut plan, .. } = plan_file::read(&file)?;
    for edit in &arguments.set {
        edit_shot(&mut plan, edit)?;
    }
    let text = plan.update()?.to_pretty_json()?;
    match (&arguments.output, arguments.input.input.as_os_str()) {
        (Some(path), _) => plan_file::write(&text, path, arguments.overwrite)?,
        (None, input) if input == "-" => output::print(&text)?,
        (None, input) => plan_file::write(&text, Path::new(input), true)?,
    }
    Ok(Exit::Success)
}

fn edit_shot(plan: &mut Plan, edit: &ShotEdit) -> Result<()> {
    let (count, picture) = (plan.wanted.shots.len(), plan.found.video.upright);
    let shape = Ladder::new(plan.wanted.rungs.clone())?.shape();
    let Some(shot) = plan.wanted.shots.get_mut(edit.shot - 1) else {
        let why = format!("the plan has {count} shots, counted from 1");
        return Err(Error::invalid("shot", edit.shot, &why));
    };
    if let Some(layout) = edit.layout {
        shot.set_layout(layout, &picture, shape);
    }
    if edit.lower_centre != [None; 2] && shot.lower.is_empty() {
        return Err(Error::invalid("shot", edit.shot, "it has no lower window: set layout=stack as well"));
    }
    let inner = shot.inner(&picture);
    let moved = |track: &mut Vec<CropKey>, centre: [Option<f64>; 2]| {
        // Where the shot begins, moved as far as the picture goes.
        let Some(mut window) = track.first().map(|key| key.window) else { return };
        if let Some(x) = centre[0] {
            window.x = x * picture.width() - window.width / 2.0;
        }
        if let Some(y) = centre[1] {
            window.y = y * picture.height() - window.height / 2.0;
        }
        *track = vec![CropKey { time: shot.start, window: window.moved_within(inner), then: Interpolation::Hold }];
    };
    let stands = edit.mode == Some(ShotMode::Static);
    if stands || edit.centre != [None; 2] {
        moved(&mut shot.track, edit.centre);
    }
    if stands || edit.lower_centre != [None; 2] {
        moved(&mut shot.lower, edit.lower_centre);
    }
    let still = shot.track.len() == 1 && shot.lower.len() <= 1;
    shot.mode = if still { Some(ShotMode::Static) } else { shot.mode };
    shot.locked = edit.locked.unwrap_or(true);
    Ok(())
}
