//! Real footage, where it lies beside the repository: the same frames at the same times as `ffprobe` sees.

use crate::reading::{read_times, whole};
use std::path::{Path, PathBuf};
use upright_engine::source::Damage;
use upright_fixtures::{Ratio, inspect};

/// The folder `shared/footage` beside the repository; none where there is none.
pub(crate) fn folder() -> Option<PathBuf> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let beside = repository.ancestors().skip(1).map(|folder| folder.join("shared/footage"));
    beside.into_iter().find(|folder| folder.is_dir())
}

/// Its clips, by name.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension != "md"));
    files.sort();
    files
}

#[test]
fn real_footage_comes_out_as_ffprobe_sees_it() {
    let Some(folder) = folder() else {
        println!("no shared/footage beside the repository: nothing to compare");
        return;
    };
    for path in files(&folder) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let (times, seen) = read_times(&path, &whole()).unwrap();
        let stream = inspect::probe(&path).unwrap();
        let time_base = stream.video().unwrap().time_base;
        let out = Ratio::new(1, seen.info.video.time_base.den);
        let frames = inspect::frames(&path, "v:0").unwrap();
        let probed: Vec<_> = frames.iter().map(|frame| time_base.rescale(frame.pts.unwrap(), out)).collect();
        assert_eq!(times, probed, "{name}");
        if name == "corrupted.mp4" {
            assert!(seen.damage.damaged_frames > 0 && seen.damage.truncated_at.is_none(), "{:?}", seen.damage);
        } else {
            // Of the eight microphones of one camera the second was not plugged in.
            let silent: Vec<_> = seen.damage.silent_sides.iter().map(|side| side.track).collect();
            assert_eq!(silent, if name == "422-10bit-8-audio.mp4" { vec![2] } else { Vec::new() }, "{name}");
            assert_eq!(Damage { silent_sides: Vec::new(), ..seen.damage }, Damage::default(), "{name}");
        }
    }
}
