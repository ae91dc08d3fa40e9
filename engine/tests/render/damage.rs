//! Damaged films and stores: what is reused was damaged when it was made, and that is still told.

use crate::job::Job;
use std::fs;
use std::path::{Path, PathBuf};
use tempfile::tempdir;
use upright_engine::geometry::Rational;
use upright_engine::pipeline::{self, Control};
use upright_engine::source::Damage;
use upright_engine::store::StoreOptions;
use upright_engine::{Error, Report, SegmentOptions};
use upright_fixtures::catalogue;

fn job(source: &Path, out: &Path, store: Option<&Path>) -> Job {
    let mut job = Job::new(source, out);
    job.plan.ladder = "36".parse().unwrap();
    job.plan.keyframe_interval = Rational::new(1, 1);
    job.render.store = store.map(|folder| StoreOptions { folder: folder.to_owned(), size: None });
    job.render.overwrite = true;
    job
}

fn rendition(out: &Path) -> Vec<u8> {
    fs::read(out.join("36x64.mp4")).unwrap()
}

/// All objects of a store.
fn objects(store: &Path) -> Vec<PathBuf> {
    let folders = fs::read_dir(store).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    folders.flat_map(|folder| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path())).collect()
}

fn reused(report: &Report) -> (u64, u64) {
    (report.segments.reused, report.segments.total)
}

#[test]
fn what_is_reused_reports_the_damage_that_it_was_made_with() {
    for name in ["damaged-mp4", "damaged-ts"] {
        let directory = tempdir().unwrap();
        let source = catalogue::named(name).unwrap().write(directory.path()).unwrap().path;
        let (out, store) = (directory.path().join("out"), directory.path().join("store"));
        let without = job(&source, &out, None).run().unwrap();
        let job = job(&source, &out, Some(&store));
        let Damage { damaged_frames, first_at, .. } = without.damage;
        assert!(damaged_frames > 0 && first_at.is_some(), "{name}: {:?}", without.damage);
        let expected = rendition(&out);

        let first = job.run().unwrap();
        let total = first.segments.total;
        assert!(total >= 4 && first.segments.reused == 0, "{name}: {:?}", first.segments);
        assert_eq!(first.damage, without.damage, "{name}");
        let second = job.run().unwrap();
        assert_eq!((reused(&second), second.damage), ((total, total), without.damage.clone()), "{name}");
        assert!(rendition(&out) == expected, "{name}");

        // Whichever segment is made anew.
        for object in objects(&store) {
            fs::remove_file(&object).unwrap();
            let again = job.run().unwrap();
            assert_eq!((reused(&again), &again.damage), ((total - 1, total), &without.damage), "{name}");
            assert!(rendition(&out) == expected && object.exists(), "{name}");
        }
    }
}

#[test]
fn strict_refuses_damage_wherever_it_was_met() {
    for name in ["damaged-mp4", "damaged-ts"] {
        let directory = tempdir().unwrap();
        let source = catalogue::named(name).unwrap().write(directory.path()).unwrap().path;
        let (out, store) = (directory.path().join("out"), directory.path().join("store"));
        let mut strict = job(&source, &out, Some(&store));
        strict.render.strict = true;
        let refusal = || match strict.run() {
            Err(Error::BadSource { why, .. }) => why,
            other => panic!("{name}: {other:?}"),
        };
        let while_decoding = refusal();
        assert!(while_decoding.contains("damaged at"), "{name}: {while_decoding}");
        job(&source, &out, Some(&store)).run().unwrap();
        fs::remove_dir_all(&out).unwrap();
        assert_eq!(refusal(), while_decoding, "{name}");
        assert!(!out.exists());
    }
}

#[test]
fn segments_made_one_by_one_add_up_to_the_films_damage() {
    for name in ["damaged-mp4", "damaged-ts"] {
        let directory = tempdir().unwrap();
        let source = catalogue::named(name).unwrap().write(directory.path()).unwrap().path;
        let (out, store) = (directory.path().join("out"), directory.path().join("store"));
        let whole = job(&source, &out, None).run().unwrap();
        let job = job(&source, &out, Some(&store));
        let (plan, control) = (whole.plan.clone(), Control::default());
        let count = plan.segments().unwrap().len();
        let mut damaged = 0;
        for number in (0..count).rev() {
            let opened = upright_engine::open(
                &upright_engine::Input::Path(source.clone()),
                &plan.open_options_for_segments(Vec::new()),
                &control,
            );
            let options = SegmentOptions::new(job.render.store.clone().unwrap()).device(job.render.device.clone());
            let report = pipeline::encode_segment(opened.unwrap(), &plan, number, &options, &control, &|_| ()).unwrap();
            damaged += report.damage.damaged_frames;
        }
        assert_eq!(damaged, whole.damage.damaged_frames, "{name}");
        let joined = job.run().unwrap();
        assert_eq!(reused(&joined), (count as u64, count as u64), "{name}");
        assert_eq!(joined.damage.damaged_frames, whole.damage.damaged_frames, "{name}");
        assert_eq!(joined.damage.first_at, whole.damage.first_at, "{name}");
    }
}
